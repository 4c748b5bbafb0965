"""The driver of ExampleGen: its fingerprint covers every span that will be read."""

import os
from collections.abc import Iterable
from typing import Any

from tfx.components.example_gen.driver import FileBasedDriver
from tfx.components.example_gen.input_processor import FileBasedInputProcessor
from tfx.types import standard_component_specs
from tfx.v1 import proto

from pipeline.example_gen.settings import ExampleGenSettings
from pipeline.example_gen.spans import newest_spans


class Driver(FileBasedDriver):
    """TFX's driver, whose fingerprint is of the newest span alone.

    With it, an older span that is delivered again would not be noticed: the cached Examples would
    be used. (Kubeflow runs TFX's own driver, whatever a component says.)
    """

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        self._settings = ExampleGenSettings.from_custom_config(
            exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY]
        )
        return super().resolve_exec_properties(exec_properties, pipeline_info, component_info)

    def get_input_processor(
        self,
        splits: Iterable[proto.Input.Split],
        range_config: proto.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> FileBasedInputProcessor:
        if not self._settings.spans_pattern or input_base_uri is None:
            return super().get_input_processor(splits, range_config, input_base_uri)
        path = os.path.join(input_base_uri, self._settings.spans_pattern)
        window = self._settings.window_spans
        return _InputProcessor(path, window, input_base_uri, splits, range_config)


class _InputProcessor(FileBasedInputProcessor):
    def __init__(self, path: str, window_spans: int, *args: Any) -> None:
        super().__init__(*args)
        self._path = path
        self._window_spans = window_spans

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        del version
        spans = newest_spans(self._path, self._window_spans, span)
        return "; ".join(f"{one.number},{one.version},{one.fingerprint}" for one in spans)
