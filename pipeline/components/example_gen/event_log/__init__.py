"""The event log: where its files are, how they are read, and the report on what was found."""
