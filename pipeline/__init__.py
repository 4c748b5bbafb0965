"""The TFX pipeline: from an event log to a pushed model."""
