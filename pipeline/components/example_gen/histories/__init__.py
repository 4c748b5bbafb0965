"""Histories of users: as records, in folders between Beam pipelines, and their k-core."""
