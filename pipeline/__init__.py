"""The TFX pipeline: from an event log to a pushed model."""

from pipeline.extras import PIPELINE, need_extra

need_extra("pipeline", PIPELINE)
