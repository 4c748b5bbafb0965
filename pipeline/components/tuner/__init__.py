"""The search for hyperparameters on validation, before the final training."""
