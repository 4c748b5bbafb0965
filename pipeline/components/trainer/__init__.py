"""Trainer: from transformed Examples to a SavedModel."""
