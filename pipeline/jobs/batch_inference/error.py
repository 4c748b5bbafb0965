"""The error of batch inference."""


class BatchInferenceError(ValueError):
    """Batch inference is not possible. The message names the option and says what to do."""
