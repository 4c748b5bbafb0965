"""Inspects an event log before anything is trained on it.

    from pipeline.jobs.inspect.inspection import inspect_log

    found = inspect_log("events.csv")
    found.command   # the arguments of pipeline.run_local without --workdir; None with problems
    found.problems  # why a run would not start; empty if it would

This file imports nothing, so that `python -m pipeline.inspect --help` answers at once.
"""
