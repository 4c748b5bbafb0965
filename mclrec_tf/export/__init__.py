"""The SavedModel that TensorFlow Serving serves, and what lies beside it."""
