"""The groups of test users that are looked at one by one."""

from collections.abc import Mapping, Sequence

LENGTH_GROUP = "length_group"
"""By number of events, written by ExampleGen: the paper's groups 5, 6-8, >8, and <5."""

TARGET_POPULARITY = "target_popularity"
HEAD, TORSO, TAIL, COLD = "head", "torso", "tail", "cold"

TARGET_NOVELTY = "target_novelty"
REPEATED, NEW = "repeated", "new"

SLICE_FEATURES = (LENGTH_GROUP, TARGET_POPULARITY, TARGET_NOVELTY)

ALL_USERS = "all users"


def slice_name(feature: str, value: str) -> str:
    """How a slice is called, for example `target_popularity cold`."""
    return f"{feature} {value}"


def judged_policy(name: str) -> str:
    """The ranking policy under which a slice is judged.

    A target that the history holds is never recommended under `unseen_items`, by any model.
    """
    is_repeated = name == slice_name(TARGET_NOVELTY, REPEATED)
    return "all_items" if is_repeated else "unseen_items"


def popularity_borders(items_by_count: Mapping[int, int]) -> tuple[int, int]:
    """The largest counts of the tail and of the torso.

    Ordered by how often they occur in training, the items of tail, torso and head hold a third
    of all events each, as near as items of equal count stay together.

    Args:
        items_by_count: How many items occur so often.
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
    """The group of an item that occurs so often in training."""
    if count == 0:
        return COLD
    return TAIL if count <= borders[0] else TORSO if count <= borders[1] else HEAD


def novelty(target: bytes, history: Sequence[bytes]) -> str:
    """Whether a user had the target before."""
    return REPEATED if target in history else NEW
