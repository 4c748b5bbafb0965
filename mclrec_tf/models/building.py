"""The compiled model that plain settings describe: encoder, MCLRec, both optimizers."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_share, check_weight
from mclrec_tf.encoders import ENCODERS
from mclrec_tf.encoders.encoder_ensemble import encoder_of
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.layers.views import Insert, Substitute
from mclrec_tf.models.mclrec import MCLRec
from mclrec_tf.models.presets import get_preset
from mclrec_tf.training.averaging_adam import AveragingAdam

_UNDECAYED = ("bias", "beta", "gamma")  # biases and norms


def build_model(
    num_items: int,
    *,
    preset: str = "recommended",
    encoder: str | Callable[..., SequenceEncoder] | None = None,
    members: int | None = None,
    dim: int = 64,
    num_layers: int | None = None,
    num_heads: int | None = None,
    max_length: int = 50,
    dropout: float = 0.5,
    positions: str | None = None,
    model_class: type[MCLRec] = MCLRec,
    mask: float = 0.5,
    crop: float = 0.5,
    reorder: float = 0.8,
    similar_items: npt.NDArray[np.int32] | None = None,
    seed: int = 0,
    optimizer: keras.optimizers.Optimizer | None = None,
    augmenter_learning_rate: float = 1e-3,
    **objective: Any,
) -> MCLRec:
    """Makes and compiles a model.

    Args:
        num_items: Size of the catalogue, |I|.
        preset: A name from `mclrec_tf.models.presets.PRESETS`; what is left out is the preset's.
        encoder: A name from `mclrec_tf.encoders.ENCODERS`, or a class with the same arguments.
        members: How many of these encoders learn apart and score together, `EncoderEnsemble`.
        dim, max_length, dropout: Of the encoder.
        num_layers, num_heads, positions: Of the encoder; its own defaults where they are None.
            GRU4Rec has neither heads nor positions.
        model_class: `MCLRec`, or a class with the same arguments.
        mask, crop, reorder: Shares of a history, from 0 to 1, that its views hide, keep and
            shuffle.
        similar_items: int32 `[num_items + 1, K]`, as `mclrec_tf.data.item_similarity` finds them:
            views are drawn by substituting and inserting them, too.
        seed: Of the views; that of initial weights and dropout is `keras.utils.set_random_seed`'s.
        optimizer: Of the encoder; `encoder_optimizer(preset=preset)` by default.
        augmenter_learning_rate: Adam's, of the augmenters.
        objective: Further arguments of `MCLRec`, for example `lambda_`, `beta`, `counts`,
            `item_features` and `update_rule`; `lambda_=0, beta=0` is the encoder alone.

    Raises:
        ValueError: An argument is out of range; it is named.

    Example:

    >>> from mclrec_tf.models.building import build_model, encoder_optimizer
    >>> model = build_model(100, encoder="sasrec", dim=32, optimizer=encoder_optimizer(ema=0.99))
    >>> [member.dim for member in model.encoder.members]
    [32, 32, 32]
    """
    shape: dict[str, Any] = {"dim": dim, "max_length": max_length, "dropout": dropout}
    given = {"num_layers": num_layers, "num_heads": num_heads, "positions": positions}
    shape |= {name: value for name, value in given.items() if value is not None}
    own = get_preset(preset)
    encoder = encoder or own.encoder
    if isinstance(encoder, keras.layers.Layer):
        raise ValueError(
            f"encoder must be a name or a class, got {encoder!r}; a model of an encoder that is "
            "made already is MCLRec(encoder)."
        )
    make = _named("encoder", encoder, ENCODERS) if isinstance(encoder, str) else encoder
    made = encoder_of(make, own.members if members is None else members, num_items, **shape)
    operations = own.operations(made.item_embedding, seed, mask=mask, crop=crop, reorder=reorder)
    if similar_items is not None:
        operations += [
            Substitute(similar_items, seed=seed + 4),
            Insert(similar_items, max_length=max_length, seed=seed + 5),
        ]
    model = model_class(made, preset=preset, seed=seed, operations=operations, **objective)
    model.compile(
        optimizer=optimizer or encoder_optimizer(preset=preset),
        augmenter_optimizer=keras.optimizers.Adam(augmenter_learning_rate),
    )
    return model


def encoder_optimizer(
    learning_rate: float | None = None,
    *,
    preset: str = "recommended",
    weight_decay: float | None = None,
    clipnorm: float = 0.0,
    ema: float | None = None,
) -> keras.optimizers.Optimizer:
    """Adam for the encoder, `AveragingAdam`.

    Args:
        learning_rate: Its highest, see `mclrec_tf.training.learning_rate` for how it changes.
        preset: A name from `mclrec_tf.models.presets.PRESETS`; what is left out is the preset's.
        weight_decay: Decoupled, not of biases and norms.
        clipnorm: Longest gradient of a weight; 0 is any.
        ema: Momentum of averaged weights, from 0 to 1; 0 averages none.

    Raises:
        ValueError: An argument is out of range; it is named.
    """
    own = get_preset(preset)
    learning_rate = own.learning_rate if learning_rate is None else learning_rate
    weight_decay = own.weight_decay if weight_decay is None else weight_decay
    ema = own.ema if ema is None else ema
    check_weight(learning_rate=learning_rate, weight_decay=weight_decay, clipnorm=clipnorm)
    check_share(ema=ema)
    return AveragingAdam(
        learning_rate,
        weight_decay=weight_decay or None,
        clipnorm=clipnorm or None,
        use_ema=ema > 0,
        ema_momentum=ema,
        undecayed=_UNDECAYED if weight_decay else (),
    )


def _named(argument: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise ValueError(f"{argument} must be one of {sorted(known)}, got {name!r}.")
    return known[name]
