"""Benchmarks: one script a published figure. Each is run as `python -m benchmarks.<name>`."""

import os
import warnings

# TensorFlow logs the end of every pass over a dataset, and what it misses on a machine without a
# GPU. Set before it is imported; errors are Python exceptions in any case.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore", category=FutureWarning, module="google")
