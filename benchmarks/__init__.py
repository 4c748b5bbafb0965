"""Benchmarks: one script for each published figure, run as `python -m benchmarks.<name>`."""

import os
import warnings

# TensorFlow logs the end of every pass over a dataset and the libraries that a machine without a
# GPU lacks. This is set before it is imported; errors are Python exceptions in any case.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore", category=FutureWarning, module="google")
