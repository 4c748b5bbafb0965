"""Weights of the authors' code, put into our model."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf import MCLRec, PostNormSASRec

# A variable of ours holds one or more of the authors', side by side in its last dimension.
Assignments = dict[tuple[str, ...], keras.Variable]


def encoder_assignments(encoder: PostNormSASRec) -> Assignments:
    """The authors' names of the encoder's weights and our variables for them."""
    variables: Assignments = {
        ("item_embedding",): encoder.item_embedding.table,
        ("position_embedding",): encoder.position_table,
        ("input_ln.gamma",): encoder.input_norm.gamma,
        ("input_ln.beta",): encoder.input_norm.beta,
    }
    for index, block in enumerate(encoder.blocks):
        dense = {
            ("attn.q", "attn.k", "attn.v"): block.attention.query_key_value,
            ("attn.dense",): block.attention.output_projection,
            ("ffn.dense1",): block.expand,
            ("ffn.dense2",): block.contract,
        }
        norms = {"attn.ln": block.attention_norm, "ffn.ln": block.output_norm}
        parts = [(names, layer, ("kernel", "bias")) for names, layer in dense.items()]
        parts += [((name,), layer, ("gamma", "beta")) for name, layer in norms.items()]
        for names, layer, weights in parts:
            for weight in weights:
                key = tuple(f"layer{index}.{name}.{weight}" for name in names)
                variables[key] = getattr(layer, weight)
    return variables


def augmenter_assignments(model: MCLRec) -> Assignments:
    """The authors' names of the augmenters' weights and our variables for them."""
    return {
        (f"aug{number}.dense{place}.{part}",): getattr(layer, part)
        for number, augmenter in enumerate(model.augmenters, start=1)
        for place, layer in enumerate(augmenter.dense_layers, start=1)
        for part in ("kernel", "bias")
    }


def assign(variables: Assignments, golden: Any, prefix: str = "w/") -> None:
    """Sets every variable to the golden weights of its names."""
    for names, variable in variables.items():
        variable.assign(np.concatenate([golden[prefix + name] for name in names], axis=-1))


def by_name(values: Mapping[tuple[str, ...], Any]) -> dict[str, np.ndarray]:
    """Values of our variables, or gradients for them, by the authors' names."""
    return {
        name: part
        for names, value in values.items()
        for name, part in zip(
            names, np.split(tf.convert_to_tensor(value).numpy(), len(names), axis=-1), strict=True
        )
    }
