"""Why batch inference cannot be done, for the person who asked for it."""


class BatchInferenceError(ValueError):
    """The message names the argument and says what to do."""
