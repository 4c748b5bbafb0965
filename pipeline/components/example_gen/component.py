"""Builds the ExampleGen component."""

from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.v1 import proto

from pipeline import component_ids
from pipeline.components.example_gen.custom_config import CustomConfig, pack
from pipeline.components.example_gen.driver import Driver
from pipeline.components.example_gen.event_log.log_location import base_and_pattern
from pipeline.components.example_gen.event_log.newest_spans import has_spans
from pipeline.components.example_gen.executor import Executor
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS
from pipeline.settings import DataSettings

_DEFAULTS = DataSettings()


class ExampleGen(FileBasedExampleGen):
    """TFX's component with our executor and driver; `example_gen` builds it."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver


def example_gen(input_path: str, settings: DataSettings = _DEFAULTS) -> FileBasedExampleGen:
    """Builds the component that turns an event log into tf.train.Examples.

    Its driver fingerprints the log's files (names, sizes, times of change in whole seconds), so
    that the cached Examples are used until the log or a setting changes.

    Args:
        input_path: The event log: a file, a folder, or a glob pattern, in which `{SPAN}`,
            `{VERSION}` and `{YYYY}`, `{MM}`, `{DD}` stand for TFX's spans and versions: of each
            span, up to the newest, the newest version is read. A folder that is not on this
            machine ends with `/`.
        settings: How to read, filter and split it.

    Example:

    >>> example_gen("/data/clicks.csv.gz", DataSettings(k_core=10)).id
    'FileBasedExampleGen'
    """
    base, pattern = base_and_pattern(input_path)
    config = CustomConfig(settings, spans_pattern=pattern if has_spans(pattern) else "")
    return ExampleGen(
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
        custom_config=pack(config),
    ).with_id(component_ids.EXAMPLE_GEN)
