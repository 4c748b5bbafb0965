"""Serves a SavedModel as TF Serving does, asks it, and checks that TF Serving could load it.

Knows the model by its signatures alone; nothing here imports the training code.
"""
