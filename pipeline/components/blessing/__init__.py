"""Blessing: decides whether a new model may take the place of the one that serves."""
