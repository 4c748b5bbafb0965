"""Several encoders that learn apart and score together."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.layers.item_embedding import ItemEmbedding


@keras.saving.register_keras_serializable("mclrec_tf")
class EncoderEnsemble(SequenceEncoder):
    """A deep ensemble: encoders that differ in their first weights, and so in their mistakes.

    Each member predicts the next item by itself, from a loss of its own. An item's score is the
    mean of what the members give it: one inner product still, since a vector of the ensemble is
    those of its members one after the other, divided by their number, and of the item table each
    member owns some columns. Training and serving cost about what the members cost.

    A member with `trainable=False` keeps its own weights; its columns of the item table, which is
    the ensemble's, learn on. Only the next item is learned apart: a contrast compares the vectors
    of the whole ensemble; and as the loss is the mean of the members' losses, what goes by the
    length of a gradient, such as SGD or `clipnorm`, sees shorter ones than with a single encoder.

    Args:
        members: Two or more new encoders of the same catalogue, `max_length` and dtype policy, of
            one kind or of several. They are the ensemble's from then on.

    Raises:
        ValueError: There are fewer than two members, one is no encoder, is built, belongs to an
            ensemble or is one, two are the same or have the same name, or they do not fit together.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf import BSARec, EncoderEnsemble

    encoder = EncoderEnsemble([BSARec(num_items=100, dim=32) for _ in range(2)])
    encoder(tf.constant([[5, 8, 2, 0]])).shape  # (1, 4, 64)
    ```

    Reference:
        Lakshminarayanan et al., NeurIPS 2017, arXiv 1612.01474.
    """

    def __init__(self, members: Sequence[SequenceEncoder], **kwargs: Any) -> None:
        _check(members)
        first = members[0]
        super().__init__(
            first.num_items,
            sum(member.dim for member in members),
            first.max_length,
            **{"dtype": first.dtype_policy, **kwargs},
        )
        if self.dtype_policy != first.dtype_policy:
            raise ValueError(
                f"dtype must be that of the members, {first.dtype_policy.name}, got "
                f"{self.dtype_policy.name}: give it to them."
            )
        begin = 0
        for member in members:
            del member.item_embedding  # so that it is not saved with the member
            own = _Columns(self.item_embedding, begin, member.dim)
            member.item_embedding = cast(ItemEmbedding, own)
            begin += member.dim
        self.members = list(members)

    @property
    def member_dims(self) -> tuple[int, ...]:
        return tuple(member.dim for member in self.members)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        for member in self.members:
            member.build(input_shape)
            if not member.trainable:
                # Keras freezes what is there, so now again for what has been made since; a value
                # that is the old one would do nothing.
                member.trainable = True
                member.trainable = False

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        return self._joined([member(ids, lengths, training=training) for member in self.members])

    def encode_last(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        return self._joined(
            [member(ids, lengths, last_only=True, training=training) for member in self.members]
        )

    def _joined(self, vectors: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.concat(vectors, axis=-1) / len(self.members)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        own = {name: config[name] for name in ("name", "trainable", "dtype")}
        members = [keras.saving.serialize_keras_object(member) for member in self.members]
        for member in members:
            member.pop("build_config", None)  # the ensemble builds them, on its own table
        return {**own, "members": members}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "EncoderEnsemble":
        members = [keras.saving.deserialize_keras_object(one) for one in config["members"]]
        return cls(**{**config, "members": members})


class _Columns:
    """The columns of a table that are one member's: an item embedding for it, without weights."""

    def __init__(self, items: ItemEmbedding, begin: int, dim: int) -> None:
        self._items = items
        self._own = slice(begin, begin + dim)
        self.num_items, self.dim, self.mask_token = items.num_items, dim, items.mask_token

    def build(self, input_shape: Any = None) -> None:
        """The ensemble builds the table."""

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        return self._items(ids)[..., self._own]

    @property
    def table(self) -> tf.Tensor:
        return self._items.table[:, self._own]

    def candidates(self, first: int = 0, last: int | None = None) -> tf.Tensor:
        return self._items.candidates(first, last)[:, self._own]


def encoder_of(
    make: Callable[..., SequenceEncoder], members: int, num_items: int, **arguments: Any
) -> SequenceEncoder:
    """One encoder, or an ensemble of several that have the same arguments.

    Args:
        make: The class of the encoder, or a function with its arguments.
        members: How many; of one there is no ensemble.
        num_items: Size of the catalogue, |I|.
        **arguments: Further arguments of the encoder.
    """
    check_whole(1, members=members)
    if members == 1:
        return make(num_items, **arguments)
    return EncoderEnsemble([make(num_items, **arguments) for _ in range(members)])


def _check(members: Sequence[SequenceEncoder]) -> None:
    if not isinstance(members, Sequence) or len(members) < 2:
        raise ValueError(f"members must hold two encoders or more, got {members!r}.")
    for member in members:
        if not isinstance(member, SequenceEncoder) or isinstance(member, EncoderEnsemble):
            raise ValueError(f"members must hold single encoders, got {member!r}.")
        if member.built or isinstance(member.item_embedding, _Columns):
            raise ValueError(
                f"members: {member.name} is built or belongs to an ensemble; give new encoders."
            )
    names = [member.name for member in members]
    if len(set(names)) < len(names):
        raise ValueError(f"members must be different encoders of different names, got {names}.")
    first = members[0]
    for member in members[1:]:
        for name in ("num_items", "max_length", "dtype_policy"):
            one, other = getattr(first, name), getattr(member, name)
            if one != other:
                raise ValueError(
                    f"members must have the same {name}, but {first.name} has {one!r} and "
                    f"{member.name} {other!r}."
                )
