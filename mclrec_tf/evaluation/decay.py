"""Chooses the decay of counted transitions on the validation split."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from mclrec_tf.evaluation.offline import rank_targets, summarize

DECAYS = (0.0, 0.3, 0.6, 0.8, 0.9, 1.0)
CHOSEN_BY = "unseen_items_ndcg_at_10"


def best_decay(
    transitions: ItemTransitions, validation: HeldOut, decays: Sequence[float] = DECAYS
) -> tuple[ItemTransitions, dict[float, dict[str, float]]]:
    """Tries decays on the validation split.

    Args:
        transitions: The counted transitions, whose own decay does not matter.
        validation: What is known of each validation user, and the item that came next.
        decays: What to try. Of equally good ones the first is chosen.

    Returns:
        The transitions with the decay of the highest `CHOSEN_BY`, and the metrics of each decay, as
        `mclrec_tf.evaluation.offline.summarize` names them.

    Raises:
        ValueError: There is no decay, or one that `ItemTransitions` refuses, or an item of the
            users is beyond the catalogue.

    Example:

    ```python
    import numpy as np
    from mclrec_tf.data.histories import HeldOut, Histories
    from mclrec_tf.evaluation.decay import best_decay
    from mclrec_tf.evaluation.item_transitions import ItemTransitions

    counted = ItemTransitions.from_histories(Histories.from_lists([[1, 2, 4], [3, 4]]), num_items=5)
    validation = HeldOut(Histories.from_lists([[2, 3]]), np.array([4], np.int32))
    best, metrics = best_decay(counted, validation)
    best.decay  # 0.0: the last item suffices
    ```
    """
    if not decays:
        raise ValueError("decays is empty: give at least one decay to try.")
    tried = [replace(transitions, decay=decay) for decay in decays]
    metrics = [summarize(rank_targets(one, *validation)) for one in tried]
    best = max(range(len(tried)), key=lambda number: metrics[number][CHOSEN_BY])
    return tried[best], dict(zip(decays, metrics, strict=True))


def sample_of(validation: HeldOut, users: int = 5000) -> HeldOut:
    """Some of the validation users, evenly spread over their order; all of them if there are fewer.

    So many tell decays apart, and a choice that ranks every user once a decay stays cheap.

    Args:
        validation: The users.
        users: How many to take, at least 1.

    Raises:
        ValueError: `users` is below 1.

    Example:

    ```python
    import numpy as np
    from mclrec_tf.data.histories import HeldOut, Histories
    from mclrec_tf.evaluation.decay import sample_of

    users = HeldOut(Histories.from_lists([[1], [2], [3]]), np.array([4, 5, 6], np.int32))
    sample_of(users, 2).targets  # [4, 6]
    ```
    """
    check_whole(1, users=users)
    count = len(validation.targets)
    chosen = np.linspace(0, count - 1, min(users, count)).astype(int)
    histories = Histories.from_lists([validation.histories[user].tolist() for user in chosen])
    return HeldOut(histories, validation.targets[chosen])
