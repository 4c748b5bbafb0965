"""Event logs: which files they are, how they are written, and which rows are events."""
