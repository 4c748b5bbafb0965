"""Evaluator: TensorFlow Model Analysis with ranking metrics."""
