"""Event logs, histories of users, splits, and the built-in sample."""
