"""What a person can choose about reading an event log."""

import dataclasses
import json
from dataclasses import dataclass

from google.protobuf import json_format, struct_pb2
from tfx.utils import proto_utils
from tfx.v1 import proto

from mclrec_tf.data.event_log.reader import EventLogFormat
from mclrec_tf.data.time_split import Periods


@dataclass(frozen=True)
class ExampleGenSettings:
    """Options of `example_gen`.

    They travel to the executor as ExampleGen's `custom_config`, so that a change of any of them
    is a change of the component's inputs and its cached output is not used.

    Args:
        format: names of the log's columns, and which rows count.
        k_core: users and items with fewer events are dropped, again and again until none is left.
            0 and 1 keep everybody.
        max_bad_rows: the largest share of unusable rows, from 0 to 1, that is skipped and
            reported; a larger share stops the pipeline.
        periods: what a split by time holds out; None holds out each user's last two events.
        window_spans: how many spans of a log with spans are read, the newest ones; 0 for all.
        spans_pattern: of the files under the input base, if the log has spans; the driver hands on
            that of the newest span alone. `example_gen` fills it in.

    Raises:
        ValueError: a setting is out of range.

    Example:

    >>> ExampleGenSettings(k_core=10).k_core
    10
    """

    format: EventLogFormat = EventLogFormat()
    k_core: int = 5
    max_bad_rows: float = 0.01
    periods: Periods | None = None
    window_spans: int = 0
    spans_pattern: str = ""

    def __post_init__(self) -> None:
        if self.k_core < 0:
            raise ValueError(f"k_core must be 0 or more, not {self.k_core}.")
        if self.window_spans < 0:
            raise ValueError(f"window_spans must be 0 or more, not {self.window_spans}.")
        if not 0 <= self.max_bad_rows <= 1:
            raise ValueError(
                f"max_bad_rows is a share and must be from 0 to 1, not {self.max_bad_rows}."
            )

    def to_custom_config(self) -> proto.CustomConfig:
        """Packs the settings into the message that FileBasedExampleGen carries for an executor."""
        config = proto.CustomConfig()
        config.custom_config.Pack(
            json_format.Parse(json.dumps(dataclasses.asdict(self)), struct_pb2.Struct())
        )
        return config

    @classmethod
    def from_custom_config(cls, custom_config: str) -> "ExampleGenSettings":
        """Reads the settings back from the JSON that an executor finds in its exec_properties."""
        config = proto.CustomConfig()
        proto_utils.json_to_proto(custom_config, config)
        packed = struct_pb2.Struct()
        config.custom_config.Unpack(packed)
        values = json_format.MessageToDict(packed)
        periods = values["periods"]
        # A Struct knows floats only.
        return cls(
            format=EventLogFormat(**values["format"]),
            k_core=int(values["k_core"]),
            max_bad_rows=values["max_bad_rows"],
            periods=periods and Periods(int(periods["validation"]), int(periods["test"])),
            window_spans=int(values["window_spans"]),
            spans_pattern=values["spans_pattern"],
        )
