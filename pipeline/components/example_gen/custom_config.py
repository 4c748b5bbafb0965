"""What ExampleGen's driver and executor are told beside the place of the log.

TFX has one exec property for it, `custom_config`. As every exec property it is an input of the
component: where a setting changes, the cached Examples are not used.
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
        data: The settings of a person.
        spans_pattern: Of the files under the input base, if the log has spans; the driver hands on
            that of the newest span alone.
    """

    data: DataSettings
    spans_pattern: str = ""


def pack(config: CustomConfig) -> proto.CustomConfig:
    """Packs it into the message that FileBasedExampleGen carries for an executor."""
    packed = proto.CustomConfig()
    packed.custom_config.Pack(wrappers_pb2.StringValue(value=to_json(config)))
    return packed


def unpack(custom_config: str) -> CustomConfig:
    """Reads it back from the JSON of that message, which is found in exec_properties."""
    packed, text = proto.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(custom_config, packed)
    packed.custom_config.Unpack(text)
    return from_json(CustomConfig, text.value)
