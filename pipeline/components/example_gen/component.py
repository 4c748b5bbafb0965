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

    Its driver fingerprints the log's files (names, sizes, modification times in whole
    seconds), so that cached Examples are used until the log or a setting changes.

    Args:
        input_path: The event log: a file, a folder, or a glob pattern, in which `{SPAN}`,
            `{VERSION}` and `{YYYY}`, `{MM}`, `{DD}` stand for TFX's spans and versions. Of each
            span, the newest version is read. The path of a folder on remote storage ends with `/`.
        settings: How the log is read, filtered and split. By default the defaults of
            `DataSettings`.

    Returns:
        The component, with the id `component_ids.EXAMPLE_GEN` and the output `examples`.

    Example:
        >>> from pipeline.components.example_gen.component import example_gen
        >>> from pipeline.settings import DataSettings
        >>> example_gen("/data/clicks.csv.gz", DataSettings(k_core=10)).id
        'FileBasedExampleGen'
    """
    base, pattern = base_and_pattern(input_path)
    config = CustomConfig(settings, spans_pattern=pattern if has_spans(pattern) else "")
    return ExampleGen(
        input_base=base,
        input_config=proto.Input(splits=[proto.Input.Split(name="log", pattern=pattern)]),
        # This names the splits. The executor does not split by hash, but the proto requires
        # hash buckets.
        output_config=proto.Output(
            split_config=proto.SplitConfig(
                splits=[
                    proto.SplitConfig.Split(name=split, hash_buckets=1) for split in EXAMPLE_SPLITS
                ]
            )
        ),
        custom_config=pack(config),
    ).with_id(component_ids.EXAMPLE_GEN)
