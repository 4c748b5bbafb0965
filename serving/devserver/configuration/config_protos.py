"""Messages of TF Serving's `--monitoring_config_file`, which tensorflow-serving-api leaves out.

Names, numbers and types of the fields are those of TF Serving's own .proto file.
"""

from google.protobuf.message import Message
from google.protobuf.reflection import GeneratedProtocolMessageType

from serving.message_tables import add_messages

# Not tensorflow.serving: a later tensorflow-serving-api may bring the messages along.
_PACKAGE = "serving.config"
_POOL = add_messages(
    _PACKAGE,
    {
        "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
        "MonitoringConfig": {"prometheus_config": (1, f"{_PACKAGE}.PrometheusConfig")},
    },
)


class PrometheusConfig(Message, metaclass=GeneratedProtocolMessageType):
    """Whether there are metrics, and at which path."""

    DESCRIPTOR = _POOL.FindMessageTypeByName(f"{_PACKAGE}.PrometheusConfig")


class MonitoringConfig(Message, metaclass=GeneratedProtocolMessageType):
    """The whole of the file."""

    DESCRIPTOR = _POOL.FindMessageTypeByName(f"{_PACKAGE}.MonitoringConfig")
