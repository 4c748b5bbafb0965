"""Small encoders and rows to try them on."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf import (
    BSARec,
    EncoderEnsemble,
    GRU4Rec,
    PostNormSASRec,
    SASRec,
    SequenceEncoder,
)

NUM_ITEMS, DIM, MAX_LENGTH = 60, 8, 20


def _two_encoders(num_items: int, dim: int = DIM, **arguments: Any) -> EncoderEnsemble:
    kinds: list[type[SequenceEncoder]] = [BSARec, GRU4Rec]
    return EncoderEnsemble([kind(num_items, dim=dim // 2, **arguments) for kind in kinds])


ENCODERS: dict[str, Callable[..., SequenceEncoder]] = {
    "SASRec": SASRec,
    "SASRec of one block": lambda *args, **kwargs: SASRec(*args, num_layers=1, **kwargs),
    "SASRec of two heads": lambda *args, **kwargs: SASRec(*args, num_heads=2, **kwargs),
    "SASRec from the start": lambda *args, **kwargs: SASRec(
        *args, positions="from_start", **kwargs
    ),
    "PostNormSASRec": PostNormSASRec,
    "PostNormSASRec from the end": lambda *args, **kwargs: PostNormSASRec(
        *args, positions="from_end", **kwargs
    ),
    "BSARec": BSARec,
    "GRU4Rec": GRU4Rec,
    "GRU4Rec of two": lambda *args, **kwargs: GRU4Rec(*args, num_layers=2, **kwargs),
    "ensemble": _two_encoders,
}


def random_encoder(name: str, dropout: float = 0.0) -> SequenceEncoder:
    """An encoder with weights far larger than at the start, so that a leak is seen."""
    keras.utils.set_random_seed(1)  # the bounds of the tests are those of these weights
    encoder = ENCODERS[name](NUM_ITEMS, dim=DIM, max_length=MAX_LENGTH, dropout=dropout)
    encoder.build()
    random = np.random.default_rng(1)
    for weight in encoder.trainable_variables:
        weight.assign(weight + random.normal(size=weight.shape, scale=0.5))
    return encoder


def mixed_rows(masked: float = 0.0, seed: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
    """Rows of different items, of all lengths to MAX_LENGTH; a share of positions is masked."""
    random = np.random.default_rng(seed)
    lengths = np.array([1, 2, 20, 3, 0, 9, 5, 2, 13, 1])
    ids = np.zeros((len(lengths), MAX_LENGTH), np.int32)
    for row, length in enumerate(lengths):
        items = random.permutation(NUM_ITEMS)[:length] + 1
        ids[row, :length] = np.where(random.random(length) < masked, 0, items)
    return tf.constant(ids), tf.constant(lengths, tf.int32)
