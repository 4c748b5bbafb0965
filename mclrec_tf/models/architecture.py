"""Whether the weights of one model mean the same in another."""

from typing import Any

from mclrec_tf.encoders.encoder_ensemble import EncoderEnsemble
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.models.computed_items import without_features
from mclrec_tf.models.sequential_recommender import SequentialRecommender

# Arguments of an encoder that may change: its weights mean the same, or their shapes tell.
_MAY_CHANGE = {"num_items", "max_length", "dropout", "name", "trainable", "dtype"}


class ArchitectureMismatchError(ValueError):
    """The earlier model is not the new one with another catalogue.

    Attributes:
        difference: The first thing in which they differ, a clause whose subject is the earlier one.
    """

    def __init__(self, difference: str) -> None:
        super().__init__(
            f"previous: {difference}. Take the earlier encoder and its arguments, or start from "
            "scratch."
        )
        self.difference = difference


def architecture(encoder: SequenceEncoder) -> dict[str, Any]:
    """Class and arguments of an encoder that decide what its weights mean.

    Not among them are the size of the catalogue, dropout, and what every Keras layer has; nor what
    is no number and no text, such as the configuration of a layer inside, which has its own name.
    Of an ensemble it is that of each member.
    """
    arguments: dict[str, Any] = {
        name: value
        for name, value in encoder.get_config().items()
        if name not in _MAY_CHANGE and isinstance(value, str | int | float | None)
    }
    if isinstance(encoder, EncoderEnsemble):
        arguments["members"] = [architecture(member) for member in _members(encoder)]
    return {"class": type(encoder).__name__, **arguments}


def check_alike(model: SequentialRecommender, previous: SequentialRecommender) -> None:
    """Raises an `ArchitectureMismatchError` unless only the catalogue, or dropout, is another."""
    new, earlier = (_members(one.encoder) for one in (model, previous))
    if len(new) != len(earlier):
        raise ArchitectureMismatchError(
            f"it has members={len(earlier)}, the new model members={len(new)}"
        )
    for of_new, of_earlier in zip(new, earlier, strict=True):
        _check_encoder(architecture(of_new), architecture(of_earlier))
    new_shapes, earlier_shapes = (_shapes(one) for one in (model, previous))
    if new_shapes != earlier_shapes:
        raise ArchitectureMismatchError(
            f"it has weights of the shapes {earlier_shapes}, the new model {new_shapes}"
        )


def _members(encoder: SequenceEncoder) -> list[SequenceEncoder]:
    return encoder.members if isinstance(encoder, EncoderEnsemble) else [encoder]


def _check_encoder(new: dict[str, Any], earlier: dict[str, Any]) -> None:
    if new["class"] != earlier["class"]:
        raise ArchitectureMismatchError(
            f"its encoder is a {earlier['class']}, that of the new model a {new['class']}"
        )
    for name, value in earlier.items():
        if new[name] != value:
            raise ArchitectureMismatchError(
                f"its encoder has {name}={value!r}, that of the new model {new[name]!r}"
            )


def _shapes(model: SequentialRecommender) -> list[tuple[int, ...]]:
    """Of all learned weights but those of features; of the item table without its rows."""
    table = model.encoder.item_embedding.table
    weights = without_features(model, model.learned_weights)
    return [tuple(w.shape[1:] if w is table else w.shape) for w in weights]
