"""How much a server takes on."""

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from serving.errors import Refused

# A model scores its whole catalogue for a row, whatever the row's k.
_ITEMS_OF_A_ROW = 500
_INTEGERS = "iu"


@dataclass(frozen=True)
class Limits:
    """How much a server takes on, so that no caller can bring it down.

    Args:
        max_concurrent_requests: How many questions to models run, or wait to be run, at the same
            time over both protocols.
        max_items_per_request: See `AnswerLimit`.
        max_connections: How many connections each protocol holds.
        slow_client_seconds: How long a REST client may take to send a request, and to take an
            answer.
    """

    max_concurrent_requests: int = 256
    max_items_per_request: int = 1_000_000
    max_connections: int = 512
    slow_client_seconds: float = 30.0


class AnswerLimit:
    """Bounds what one request may ask for: its rows times the largest of its input k.

    Args:
        max_items: The bound. A row counts for at least 500 items, because a model scores the whole
            catalogue for it; so a million is also 2,000 rows.

    Example:

    >>> limit = AnswerLimit(max_items=1_000_000)
    >>> limit.check(servable.signatures["recommend"], {"k": np.array([12_000] * 100), ...})
    Traceback (most recent call last):
    serving.errors.Refused: INVALID_ARGUMENT: The request asks for 100 rows of 12000 items, ...
    """

    def __init__(self, max_items: int):
        if max_items < _ITEMS_OF_A_ROW:
            raise ValueError(f"{max_items} items a request; a row counts for {_ITEMS_OF_A_ROW}")
        self._max_items = max_items

    def check(
        self, signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, np.ndarray]
    ) -> None:
        """Makes sure that an answer has a sensible size, before it is computed.

        Args:
            signature: That the request asks.
            inputs: By the signature's names for them.

        Raises:
            Refused: INVALID_ARGUMENT, and names the limit.
        """
        rows = max(
            (len(x) for name, x in inputs.items() if _is_batch(signature, name, x)), default=1
        )
        k = max(_k(inputs), _ITEMS_OF_A_ROW)
        if rows * k > self._max_items:
            raise Refused(
                "large_answer",
                f"The request asks for {rows} rows of {k} items. A request may ask for "
                f"{self._max_items} items, and a row counts for at least {_ITEMS_OF_A_ROW}: send "
                "fewer rows, or a smaller k.",
                grpc.StatusCode.INVALID_ARGUMENT,
            )


def _is_batch(signature: meta_graph_pb2.SignatureDef, name: str, array: np.ndarray) -> bool:
    """Whether the first dimension of an input counts rows: the signature leaves its size open."""
    if name not in signature.inputs or not array.ndim:
        return False
    declared = signature.inputs[name].tensor_shape.dim
    return bool(declared) and declared[0].size < 0


def _k(inputs: Mapping[str, np.ndarray]) -> int:
    k = inputs.get("k")
    if k is None or k.dtype.kind not in _INTEGERS or not k.size:
        return 0
    return int(k.max())
