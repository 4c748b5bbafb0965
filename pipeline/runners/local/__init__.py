"""Runs on one machine: the work folder, the metadata and artifacts, and what is shown."""
