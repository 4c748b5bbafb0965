"""Logs requests with their answers, in TF Serving's format: TFRecord files of PredictionLog."""
