"""The tensors of requests and answers as plain lists, which many small ones become fastest."""

from collections.abc import Sequence

import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.devserver.servables.tensor_proto import to_array

_MAX_ROWS = 1_000_000  # a matrix without columns may say any number of rows


def strings(tensor: tensor_pb2.TensorProto, name: str) -> tuple[int, int, Sequence[bytes]]:
    """The rows, the columns and the elements of a matrix of strings.

    Args:
        tensor: The matrix.
        name: What the message calls it.

    Raises:
        ValueError: It is no such matrix, or cannot be read.
    """
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if len(shape) != 2 or min(shape) < 0 or shape[0] > _MAX_ROWS:
        raise ValueError(
            f"has a tensor {name} of the shape {shape}, not [rows, places] with at most "
            f"{_MAX_ROWS:,} rows"
        )
    if tensor.dtype != types_pb2.DT_STRING:
        raise ValueError(f"has a tensor {name} that holds no strings")
    if len(tensor.string_val) == shape[0] * shape[1]:
        return shape[0], shape[1], tensor.string_val
    # A tensor may hold one value for many; TensorFlow's own reader knows the rules.
    return shape[0], shape[1], _array(tensor, name).ravel().tolist()


def integers(tensor: tensor_pb2.TensorProto, name: str) -> list[int]:
    """The elements of a vector of integers.

    Args:
        tensor: The vector.
        name: What the message calls it.

    Raises:
        ValueError: It is no such vector, or cannot be read.
    """
    if tensor.dtype == types_pb2.DT_INT32:
        shape = [dim.size for dim in tensor.tensor_shape.dim]
        # TensorFlow's own reader takes 50 times as long for these two forms.
        if shape == [len(tensor.int_val)]:
            return list(tensor.int_val)
        if shape == [len(tensor.tensor_content) / 4]:
            return np.frombuffer(tensor.tensor_content, np.int32).tolist()
    array = _array(tensor, name)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"has a tensor {name} of {types_pb2.DataType.Name(tensor.dtype)} and the shape "
            f"{list(array.shape)}, not integers of the shape [rows]"
        )
    return array.tolist()


def _array(tensor: tensor_pb2.TensorProto, name: str) -> np.ndarray:
    try:
        return to_array(tensor)
    except ValueError as error:
        raise ValueError(f"has a tensor {name} that cannot be read: {error}") from error
