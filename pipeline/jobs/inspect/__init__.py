"""Looks at an event log before anything is trained on it.

    from pipeline.jobs.inspect.inspection import inspect_log

    found = inspect_log("events.csv")
    found.command   # arguments of pipeline.run_local without --workdir, None if it would not start
    found.problems  # why it would not start

This file imports nothing, so that `python -m pipeline.inspect --help` answers at once.
"""
