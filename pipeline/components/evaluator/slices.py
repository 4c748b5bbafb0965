"""The slices: groups of test users that are evaluated one by one."""

from collections.abc import Mapping, Sequence

from mclrec_tf.evaluation.target_slices import SLICES

LENGTH_GROUP = "length_group"
"""By the number of events: the paper's groups 5, 6-8 and >8, and <5. ExampleGen writes it."""

TARGET_POPULARITY = "target_popularity"
HEAD, TORSO, TAIL, COLD = "head", "torso", "tail", "cold"

TARGET_NOVELTY = "target_novelty"
REPEATED, NEW = "repeated", "new"

TARGET_EVENTS = "target_events"
"""By the training events of the target: cold, 1-5 and warm. Only in runs with item features."""

SLICE_FEATURES = (LENGTH_GROUP, TARGET_POPULARITY, TARGET_NOVELTY)

ALL_USERS = "all users"


def slice_name(feature: str, value: str) -> str:
    """The name of a slice, for example `target_popularity cold`."""
    return f"{feature} {value}"


def judged_policy(name: str) -> str:
    """The ranking policy under which a slice is judged.

    Under `unseen_items` no model ever recommends a target that is in the history, so users with
    such a target are judged under `all_items`.

    Args:
        name: The name of a slice.
    """
    is_repeated = name == slice_name(TARGET_NOVELTY, REPEATED)
    return "all_items" if is_repeated else "unseen_items"


def popularity_borders(items_by_count: Mapping[int, int]) -> tuple[int, int]:
    """The borders between the popularity groups tail, torso and head.

    Each group accounts for a third of all training events, as closely as possible without
    separating items of equal count.

    Args:
        items_by_count: The number of items by their count of training events.

    Returns:
        The largest count of an item of the tail, and that of an item of the torso.
    """
    events = sum(count * items for count, items in items_by_count.items())
    borders = [0, 0]
    below = 0
    for count in sorted(items_by_count):
        for third in (0, 1):
            if below * 3 < (third + 1) * events:
                borders[third] = count
        below += count * items_by_count[count]
    return borders[0], borders[1]


def popularity_group(count: int, borders: tuple[int, int]) -> str:
    """The popularity group of an item.

    Args:
        count: The number of its training events.
        borders: What `popularity_borders` returns.
    """
    if count == 0:
        return COLD
    return TAIL if count <= borders[0] else TORSO if count <= borders[1] else HEAD


def events_group(count: int) -> str:
    """The slice of an item by the number of its training events."""
    return next(
        name
        for name, (least, most) in SLICES.items()
        if count >= least and (most is None or count <= most)
    )


def novelty(target: bytes, history: Sequence[bytes]) -> str:
    """`REPEATED` if the target is in the history, else `NEW`."""
    return REPEATED if target in history else NEW
