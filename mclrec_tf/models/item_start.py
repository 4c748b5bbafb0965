"""Where the training of an item table starts."""

import numpy as np

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_vectors import item_vectors
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.models.feature_start import fit_features

ITEM_STARTS = ("random", "co_occurrence")
"""Where the training of an item table may start."""

_LENGTH = 0.3  # mean length of the vectors; trained ones have about twice that
_APART = 1_000  # between the seeds of two members, so that trainings of seeds 0, 1, … share none


def start_from_co_occurrence(encoder: SequenceEncoder, histories: Histories, seed: int = 0) -> None:
    """Adds to the item table of a new encoder what stands near what in the training histories.

    A training then needs some epochs less, those in which it would learn just that. The encoder's
    other weights stay random. Where items have features, what these explain of it becomes theirs,
    so that cold items start near the items they are like, and only the rest the items' own.

    Args:
        encoder: An encoder that is built and not trained yet.
        histories: The training part of each user, oldest first.
        seed: Of the factorisation; of the first one where there are several members.

    Raises:
        ValueError: The encoder is not built, or an item of the histories is beyond its catalogue.

    Example:

    ```python
    from mclrec_tf import BSARec, NextItemModel
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.models.item_start import start_from_co_occurrence

    model = NextItemModel(BSARec(num_items=5))
    histories = Histories.from_lists([[1, 2, 3], [2, 3, 4], [4, 5, 1]])
    start_from_co_occurrence(model.encoder, histories)
    ```
    """
    if not encoder.built:
        raise ValueError("encoder is not built: make the model of it first.")
    items = encoder.item_embedding
    # Another factorisation for each member of an ensemble, so that they make different mistakes.
    of_members = [
        item_vectors(histories, encoder.num_items, dim, seed + member * _APART)
        for member, dim in enumerate(encoder.member_dims)
    ]
    vectors = _LENGTH * np.concatenate(of_members, axis=1)
    if items.features is not None:
        known = np.flatnonzero(vectors.any(axis=1))
        fit_features(items.features, vectors[known], known)
        vectors[known] -= items.features(known).numpy()
    start = items.table.numpy()
    start[: len(vectors)] += vectors
    items.table.assign(start)
