"""Tuner: searches for hyperparameters by the validation metric, before the final training."""
