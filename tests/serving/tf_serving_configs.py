"""Messages of TF Serving's configuration files that neither server nor client of ours reads.

The files under `serving/deploy` and the TLS of the tests' TF Serving are of these types, which
tensorflow-serving-api leaves out. Names, numbers and types of the fields are those of TF Serving's
own .proto files.
"""

from google.protobuf.message import Message
from google.protobuf.reflection import GeneratedProtocolMessageType

from tests.serving.message_tables import add_messages

_PACKAGE = "tests.config"
_POOL = add_messages(
    _PACKAGE,
    {
        "BatchingParameters": {
            "max_batch_size": (1, "google.protobuf.Int64Value"),
            "batch_timeout_micros": (2, "google.protobuf.Int64Value"),
            "max_enqueued_batches": (3, "google.protobuf.Int64Value"),
            "num_batch_threads": (4, "google.protobuf.Int64Value"),
            "thread_pool_name": (5, "google.protobuf.StringValue"),
            "allowed_batch_sizes": (6, "repeated int64"),
            "pad_variable_length_inputs": (7, "bool"),
            "enable_large_batch_splitting": (8, "google.protobuf.BoolValue"),
            "max_execution_batch_size": (9, "google.protobuf.Int64Value"),
        },
        "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
        "MonitoringConfig": {"prometheus_config": (1, f"{_PACKAGE}.PrometheusConfig")},
        "SSLConfig": {
            "server_key": (1, "string"),
            "server_cert": (2, "string"),
            "custom_ca": (3, "string"),
            "client_verify": (4, "bool"),
        },
    },
)


class BatchingParameters(Message, metaclass=GeneratedProtocolMessageType):
    """What `--batching_parameters_file` holds: sizes and waiting times of batches."""

    DESCRIPTOR = _POOL.FindMessageTypeByName(f"{_PACKAGE}.BatchingParameters")


class PrometheusConfig(Message, metaclass=GeneratedProtocolMessageType):
    """Whether there are metrics, and at which path."""

    DESCRIPTOR = _POOL.FindMessageTypeByName(f"{_PACKAGE}.PrometheusConfig")


class MonitoringConfig(Message, metaclass=GeneratedProtocolMessageType):
    """What `--monitoring_config_file` holds."""

    DESCRIPTOR = _POOL.FindMessageTypeByName(f"{_PACKAGE}.MonitoringConfig")


class SSLConfig(Message, metaclass=GeneratedProtocolMessageType):
    """What `--ssl_config_file` holds: keys and certificates, as text."""

    DESCRIPTOR = _POOL.FindMessageTypeByName(f"{_PACKAGE}.SSLConfig")
