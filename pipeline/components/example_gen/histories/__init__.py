"""Histories of users as Beam collections, in folders between Beam pipelines, and their k-core."""
