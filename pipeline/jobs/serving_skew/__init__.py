"""Serving skew: compares the histories in requests to a server with those of training."""
