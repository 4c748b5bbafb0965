"""Which requests may be answered with one run of a model."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

_CONTRACT = json.loads((Path(__file__).parents[2] / "signatures.json").read_text())
_ANY = -1  # a size that a signature leaves open


class Kind(NamedTuple):
    """What requests have in common that may be joined."""

    feeds: tuple[str, ...]
    fetches: tuple[str, ...]
    row_shapes: tuple[tuple[int, ...], ...]
    largest_k: int


class JoinableSignature:
    """A signature whose rows do not mix.

    Args:
        signature: Of the contract.
    """

    def __init__(self, signature: meta_graph_pb2.SignatureDef):
        self._inputs = {
            info.name: (np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype), _shape(info))
            for info in signature.inputs.values()
        }
        self._k = signature.inputs["k"].name if "k" in signature.inputs else None

    def kind(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]) -> Kind | None:
        """What a request may be joined by; None when it has to run alone.

        Args:
            feeds: By the names of the signature's input tensors, all of them.
            fetches: Names of output tensors.
        """
        for name, array in feeds.items():
            dtype, shape = self._inputs[name]
            if array.dtype != dtype or array.ndim != len(shape):
                return None
            sizes = zip(shape, array.shape, strict=True)
            if any(declared not in (size, _ANY) for declared, size in sizes):
                return None
        row_counts = {len(array) for array in feeds.values()}
        if len(row_counts) > 1 or 0 in row_counts:
            return None
        # The answers of a run are as wide as its largest k.
        largest_k = int(feeds[self._k].max()) if self._k else 0
        row_shapes = tuple(array.shape[1:] for array in feeds.values())
        return Kind(tuple(feeds), tuple(fetches), row_shapes, largest_k)


def joinable_signatures(
    signatures: Mapping[str, meta_graph_pb2.SignatureDef],
) -> Iterator[tuple[frozenset[str], JoinableSignature]]:
    """The signatures of a model that are those of the contract, by the names of their inputs.

    No shape tells whether a signature mixes its rows. Those of `signatures.json` do not.
    """
    for name, signature in signatures.items():
        inputs = {
            alias: [types_pb2.DataType.Name(info.dtype), list(_shape(info))]
            for alias, info in signature.inputs.items()
        }
        if name in _CONTRACT and inputs == _CONTRACT[name]["inputs"]:
            names = frozenset(info.name for info in signature.inputs.values())
            yield names, JoinableSignature(signature)


def _shape(info: meta_graph_pb2.TensorInfo) -> tuple[int, ...]:
    return tuple(dim.size for dim in info.tensor_shape.dim)
