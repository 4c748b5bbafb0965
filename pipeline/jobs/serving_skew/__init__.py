"""Skew: do the histories that a server is asked about look like those of training?"""
