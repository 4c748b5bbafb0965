"""Builds the ExampleGen component."""

import dataclasses

from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.v1 import proto

from pipeline.components.example_gen.driver import Driver
from pipeline.components.example_gen.executor import Executor
from pipeline.components.example_gen.log_location import base_and_pattern
from pipeline.components.example_gen.settings import ExampleGenSettings
from pipeline.components.example_gen.spans import has_spans
from pipeline.components.example_gen.split_leave_one_out import EXAMPLE_SPLITS


class ExampleGen(FileBasedExampleGen):
    """TFX's component with our executor and driver; `example_gen` builds it."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver


def example_gen(input_path: str, settings: ExampleGenSettings | None = None) -> FileBasedExampleGen:
    """Builds the component that turns an event log into tf.train.Examples.

    Its driver fingerprints the log's files (names, sizes, times of change in whole seconds), so
    that the cached Examples are used until the log or a setting changes.

    Args:
        input_path: the event log: a file, a folder, or a glob pattern, in which `{SPAN}`,
            `{VERSION}` and `{YYYY}`, `{MM}`, `{DD}` stand for TFX's spans and versions: of each
            span, up to the newest, the newest version is read. A folder that is not on this
            machine ends with `/`.
        settings: how to read and filter it, `ExampleGenSettings()` by default.

    Example:

    >>> example_gen("/data/clicks.csv.gz", ExampleGenSettings(k_core=10)).id
    'FileBasedExampleGen'
    """
    settings = settings or ExampleGenSettings()
    base, pattern = base_and_pattern(input_path)
    if has_spans(pattern):
        settings = dataclasses.replace(settings, spans_pattern=pattern)
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
        custom_config=settings.to_custom_config(),
    ).with_id(FileBasedExampleGen.__name__)
