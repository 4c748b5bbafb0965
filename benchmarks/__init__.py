"""Benchmarks: one script a published figure. Each is run as `python -m benchmarks.<name>`."""

from serving.tensorflow_log import silence_tensorflow

silence_tensorflow()
