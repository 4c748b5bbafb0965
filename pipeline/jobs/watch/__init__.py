"""Watches what is live: what servers have logged, and what happened afterwards.

This file imports nothing, so that `python -m pipeline.watch --help` answers at once.
"""
