"""Keras models: MCLRec, what it is built from, and what users give it."""
