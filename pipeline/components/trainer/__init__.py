"""Trainer: transformed Examples in, SavedModel out."""
