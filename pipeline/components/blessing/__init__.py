"""Blessing: decides whether a new model may replace the one that is served."""
