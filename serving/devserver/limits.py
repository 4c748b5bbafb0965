"""How much a server takes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import numpy as np

from serving.errors import Refused

if TYPE_CHECKING:  # the flags read the defaults, and --help is not to wait for TensorFlow
    from tensorflow.core.protobuf import meta_graph_pb2

# A model scores its whole catalogue for a row, whatever the row's k.
_ITEMS_OF_A_ROW = 500


@dataclass(frozen=True)
class Limits:
    """How much a server takes on, so that no caller can bring it down.

    Args:
        max_concurrent_requests: The number of inference requests that run or wait at the same time
            over both protocols; any other is refused.
        max_items_per_request: The number of rows of a request times the largest of its input k. A
            row counts for at least 500 items, so a million is also 2,000 rows.
        max_request_bytes: The size of a request, as it is sent and unpacked.
        rest_timeout_seconds: The time in which a REST request is received and answered.
    """

    max_concurrent_requests: int = 256
    max_items_per_request: int = 1_000_000
    max_request_bytes: int = 64 * 2**20
    rest_timeout_seconds: float = 30.0

    def check_inputs(
        self, signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, np.ndarray]
    ) -> None:
        """Makes sure that an answer has a sensible size, before it is computed.

        Args:
            signature: The signature that the request names.
            inputs: Arrays by the signature's names for its inputs.

        Raises:
            Refused: INVALID_ARGUMENT, with the limit in the message.
        """
        rows = max(
            (len(x) for name, x in inputs.items() if _is_batch(signature, name, x)), default=1
        )
        k = max(_largest_k(inputs), _ITEMS_OF_A_ROW)
        if rows * k > self.max_items_per_request:
            raise Refused(
                "large_answer",
                f"The request asks for {rows} rows of {k} items. A request may ask for "
                f"{self.max_items_per_request} items, and a row counts for at least "
                f"{_ITEMS_OF_A_ROW}: send fewer rows, or a smaller k.",
                grpc.StatusCode.INVALID_ARGUMENT,
            )


def _is_batch(signature: meta_graph_pb2.SignatureDef, name: str, array: np.ndarray) -> bool:
    """Whether the first dimension of an input counts rows: the signature leaves its size open."""
    if name not in signature.inputs or not array.ndim:
        return False
    declared = signature.inputs[name].tensor_shape.dim
    return bool(declared) and declared[0].size < 0


def _largest_k(inputs: Mapping[str, np.ndarray]) -> int:
    k = inputs.get("k")
    return int(k.max()) if k is not None and k.dtype.kind in "iu" and k.size else 0
