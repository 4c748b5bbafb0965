"""Reads what servers have logged: TFRecord files of TF Serving's PredictionLog, as columns."""
