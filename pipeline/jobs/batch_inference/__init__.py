"""Batch inference: the answers of a served model for all users of a log, as Parquet."""
