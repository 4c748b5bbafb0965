"""Arrays from and to TensorProtos agree with TensorFlow's own parser."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.devserver.servables.tensor_proto import from_array, to_array

_DTYPES = [
    *(np.float32, np.float64, np.float16, np.bool_, np.complex64, np.complex128),
    *(np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
    tf.bfloat16.as_numpy_dtype,
]
_SHAPES = st.lists(st.integers(0, 3), max_size=3)


@given(st.sampled_from(_DTYPES), _SHAPES, st.integers(0, 2**32 - 1))
def test_numbers_survive_both_ways(dtype: type, shape: list[int], seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)
    proto = from_array(array)
    np.testing.assert_array_equal(to_array(proto), array)
    np.testing.assert_array_equal(tf.make_ndarray(proto), array)
    assert to_array(proto).dtype == array.dtype


@given(_SHAPES, st.data())
def test_strings_survive_both_ways(shape: list[int], data: st.DataObject) -> None:
    size = int(np.prod(shape, dtype=int))
    strings = data.draw(st.lists(st.binary(max_size=5), min_size=size, max_size=size))
    array = np.empty(size, dtype=object)
    array[:] = strings
    array = array.reshape(shape)
    read = to_array(from_array(array))
    assert read.shape == array.shape and read.tolist() == array.tolist()


@given(
    st.lists(st.integers(-2, 4), max_size=2),
    st.lists(st.floats(width=32, allow_nan=False), max_size=6),
    st.binary(max_size=12),
)
def test_any_proto_is_read_as_tensorflow_reads_it(
    shape: list[int], values: list[float], content: bytes
) -> None:
    proto = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_FLOAT, float_val=values, tensor_content=content
    )
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    try:
        expected = tf.io.parse_tensor(proto.SerializeToString(), tf.float32).numpy()
    except tf.errors.InvalidArgumentError:
        with pytest.raises(ValueError):
            to_array(proto)
    else:
        np.testing.assert_array_equal(to_array(proto), expected)


def test_a_large_shape_with_one_value_is_refused() -> None:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0])
    proto.tensor_shape.dim.add(size=2**40)
    with pytest.raises(ValueError, match="larger than"):
        to_array(proto)


@pytest.mark.parametrize("dtype", [types_pb2.DT_INVALID, 9999])
def test_an_unknown_dtype_is_refused(dtype: int) -> None:
    with pytest.raises(ValueError):
        to_array(tensor_pb2.TensorProto(dtype=dtype))
