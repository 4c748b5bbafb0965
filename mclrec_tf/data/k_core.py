"""The k-core of a log: no user and no item that is too rare to learn from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_whole


def in_k_core(
    users: npt.NDArray[np.integer], items: npt.NDArray[np.integer], k: int
) -> npt.NDArray[np.bool_]:
    """Tells which events stay when rare users and items are dropped until none is left.

    Dropping an item shortens users and the other way round, so the two are repeated until nothing
    changes. The result is the largest such set and does not depend on the order of the events.

    Args:
        users: int [N], the user of each event, from 0.
        items: int [N], the item of each event, from 0.
        k: Events that a user, and an item, must have to stay. 0 and 1 keep everything.

    Returns:
        bool [N].

    Raises:
        ValueError: `k` is not a whole number or is negative.

    Example:
        >>> import numpy as np
        >>> from mclrec_tf.data.k_core import in_k_core
        >>> in_k_core(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1]), k=2)
        array([ True,  True,  True,  True, False])
    """
    check_whole(0, k=k)
    kept = np.arange(len(users))
    while True:
        enough = np.bincount(users[kept])[users[kept]] >= k
        enough &= np.bincount(items[kept])[items[kept]] >= k
        if enough.all():
            break
        kept = kept[enough]
    stays = np.zeros(len(users), bool)
    stays[kept] = True
    return stays
