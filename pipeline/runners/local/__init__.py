"""Runs on one machine: the work folder, whose runs are whose, and what a person sees."""
