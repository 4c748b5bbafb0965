"""Offline evaluation: ranks of held-out items, metrics from ranks, and baselines."""
