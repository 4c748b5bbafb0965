"""The configuration of ExampleGen's driver and executor, apart from the path of the log.

TFX carries it in the exec property `custom_config`. Like every exec property it is part of the
cache key: when a setting changes, cached Examples are not used.
"""

from dataclasses import dataclass

from google.protobuf import wrappers_pb2
from tfx.utils import proto_utils
from tfx.v1 import proto

from pipeline.settings import DataSettings, from_json, to_json


@dataclass(frozen=True)
class CustomConfig:
    """How a log is read.

    Attributes:
        data: The settings that the user has chosen.
        spans_pattern: The glob pattern, relative to the input base, of the files of all spans. It
            is "" for a log without spans. It is needed because TFX's driver passes on only the
            pattern of the newest span.
    """

    data: DataSettings
    spans_pattern: str = ""


def pack(config: CustomConfig) -> proto.CustomConfig:
    """Packs a configuration into the message that FileBasedExampleGen carries for an executor."""
    packed = proto.CustomConfig()
    packed.custom_config.Pack(wrappers_pb2.StringValue(value=to_json(config)))
    return packed


def unpack(custom_config: str) -> CustomConfig:
    """Unpacks a configuration.

    Args:
        custom_config: The packed message as JSON, which is its form in `exec_properties`.
    """
    packed, text = proto.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(custom_config, packed)
    packed.custom_config.Unpack(text)
    return from_json(CustomConfig, text.value)
