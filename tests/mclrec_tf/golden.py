"""Weights of the authors' code, put into our model."""

from typing import Any

import keras
import numpy as np

from mclrec_tf import MCLRec, SASRec


def encoder_assignments(encoder: SASRec) -> dict[str, keras.Variable]:
    """The authors' names of the encoder's weights and our variables for them."""
    names = {
        "item_embedding": encoder.item_embedding.table,
        "position_embedding": encoder.position_table,
        "input_ln.gamma": encoder.input_norm.gamma,
        "input_ln.beta": encoder.input_norm.beta,
    }
    for index, block in enumerate(encoder.blocks):
        attention = block.attention
        dense = {
            "attn.q": attention._query_dense,
            "attn.k": attention._key_dense,
            "attn.v": attention._value_dense,
            "attn.dense": attention._output_dense,
            "ffn.dense1": block.expand,
            "ffn.dense2": block.contract,
        }
        for name, layer in dense.items():
            names[f"layer{index}.{name}.kernel"] = layer.kernel
            names[f"layer{index}.{name}.bias"] = layer.bias
        for name, norm in {"attn.ln": block.attention_norm, "ffn.ln": block.output_norm}.items():
            names[f"layer{index}.{name}.gamma"] = norm.gamma
            names[f"layer{index}.{name}.beta"] = norm.beta
    return names


def augmenter_assignments(model: MCLRec) -> dict[str, keras.Variable]:
    """The authors' names of the augmenters' weights and our variables for them."""
    return {
        f"aug{number}.dense{place}.{part}": getattr(layer, part)
        for number, augmenter in enumerate(model.augmenters, start=1)
        for place, layer in enumerate(augmenter.dense_layers, start=1)
        for part in ("kernel", "bias")
    }


def assign(variables: dict[str, keras.Variable], golden: Any, prefix: str = "w/") -> None:
    """Sets every variable to the golden weight of its name."""
    for name, variable in variables.items():
        variable.assign(np.reshape(golden[prefix + name], variable.shape))
