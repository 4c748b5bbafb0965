"""The event log: how its files are found, read and checked, and the report about them."""
