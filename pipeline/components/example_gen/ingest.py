"""What the pipeline needs of its first half: from an event log to ids."""

from tfx.v1 import proto

from pipeline.components.example_gen.component import example_gen
from pipeline.components.example_gen.settings import ExampleGenSettings
from pipeline.components.example_gen.split_leave_one_out import EXAMPLE_SPLITS

__all__ = [
    "EXAMPLE_SPLITS",
    "PREPROCESSING_FN",
    "TRANSFORM_SPLITS",
    "ExampleGenSettings",
    "example_gen",
]

PREPROCESSING_FN = "pipeline.components.transform.preprocessing.preprocessing_fn"

# The vocabulary holds every item that any Example shows, so Transform has to look beyond the train
# split. Leave-one-out shows every event of a user in the test split, but a split by time may show
# an item only as a target of validation.
TRANSFORM_SPLITS = proto.SplitsConfig(analyze=EXAMPLE_SPLITS, transform=EXAMPLE_SPLITS)
