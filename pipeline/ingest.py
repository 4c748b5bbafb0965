"""What the pipeline needs of its first half: from an event log to ids."""

import os

from tfx.v1 import proto

from pipeline.example_gen.component import example_gen
from pipeline.example_gen.leave_one_out import EXAMPLE_SPLITS
from pipeline.example_gen.settings import ExampleGenSettings

__all__ = [
    "EXAMPLE_SPLITS",
    "PREPROCESSING_FN",
    "SCHEMA_FILE",
    "TRANSFORM_SPLITS",
    "ExampleGenSettings",
    "example_gen",
]

SCHEMA_FILE = os.path.join(os.path.dirname(__file__), "schema", "schema.pbtxt")
PREPROCESSING_FN = "pipeline.preprocessing.preprocessing_fn"

# The vocabulary holds the whole catalogue, so Transform has to look beyond the train split. The
# test split shows every event of a user: validation would add nothing.
TRANSFORM_SPLITS = proto.SplitsConfig(analyze=["train", "test"], transform=EXAMPLE_SPLITS)
