"""The driver of ExampleGen: its fingerprint covers every span that will be read."""

import os
from collections.abc import Iterable
from typing import Any

from tfx.components.example_gen.driver import FileBasedDriver
from tfx.components.example_gen.input_processor import FileBasedInputProcessor
from tfx.types import standard_component_specs
from tfx.v1 import proto

from mclrec_tf.data.event_log.reader import event_log_files
from pipeline.components.example_gen.custom_config import CustomConfig, unpack
from pipeline.components.example_gen.event_log.log_location import fingerprint, path_of
from pipeline.components.example_gen.event_log.newest_spans import newest_spans


class Driver(FileBasedDriver):
    """TFX's driver with a fingerprint of every file that the executor reads.

    TFX's own fingerprint covers the newest span only, and only the files directly in the folder.
    With it, the cached Examples would be used although an older span was delivered again or a file
    in a subfolder has changed. (Kubeflow runs TFX's own driver, whatever a component declares.)
    """

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        self._config = unpack(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        return super().resolve_exec_properties(exec_properties, pipeline_info, component_info)

    def get_input_processor(
        self,
        splits: Iterable[proto.Input.Split],
        range_config: proto.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> FileBasedInputProcessor:
        assert input_base_uri is not None
        (split,) = splits
        return _InputProcessor(self._config, split, input_base_uri, [split], range_config)


class _InputProcessor(FileBasedInputProcessor):
    def __init__(
        self, config: CustomConfig, split: proto.Input.Split, base: str, *args: Any
    ) -> None:
        super().__init__(base, *args)
        self._config = config
        self._path = path_of(base, split.pattern)

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        del version
        if not self._config.spans_pattern:
            return fingerprint(event_log_files(self._path))
        path = os.path.join(self._input_base_uri, self._config.spans_pattern)
        spans = newest_spans(path, self._config.data.window_spans, span)
        return "; ".join(f"{found.number},{found.version},{found.fingerprint}" for found in spans)
