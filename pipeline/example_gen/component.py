"""Builds the ExampleGen component."""

from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.v1 import proto

from pipeline.example_gen.executor import Executor
from pipeline.example_gen.leave_one_out import EXAMPLE_SPLITS
from pipeline.example_gen.log_location import base_and_pattern
from pipeline.example_gen.settings import ExampleGenSettings


def example_gen(input_path: str, settings: ExampleGenSettings | None = None) -> FileBasedExampleGen:
    """Builds the component that turns an event log into tf.train.Examples.

    Its driver fingerprints the log's files (number, sizes, times of change in whole seconds), so
    that the cached Examples are used until the log or a setting changes.

    Args:
        input_path: the event log: a file, a folder, or a glob pattern, in which `{SPAN}`,
            `{VERSION}` and `{YYYY}`, `{MM}`, `{DD}` stand for TFX's spans and versions. A folder
            that is not on this machine ends with `/`.
        settings: how to read and filter it, `ExampleGenSettings()` by default.

    Example:

    >>> example_gen("/data/clicks.csv.gz", ExampleGenSettings(k_core=10)).id
    'FileBasedExampleGen'
    """
    base, pattern = base_and_pattern(input_path)
    return FileBasedExampleGen(
        input_base=base,
        input_config=proto.Input(splits=[proto.Input.Split(name="log", pattern=pattern)]),
        # Names the splits. The executor does not divide by hash, but the proto demands buckets.
        output_config=proto.Output(
            split_config=proto.SplitConfig(
                splits=[
                    proto.SplitConfig.Split(name=split, hash_buckets=1) for split in EXAMPLE_SPLITS
                ]
            )
        ),
        custom_config=(settings or ExampleGenSettings()).to_custom_config(),
        custom_executor_spec=executor_spec.BeamExecutorSpec(Executor),
    )
