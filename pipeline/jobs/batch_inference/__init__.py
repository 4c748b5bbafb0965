"""Batch inference: recommendations for all users of a log, as Parquet."""
