"""Synthetic histories of the shape of Amazon Beauty, for any number of users and items."""

import numpy as np

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.sample.users import EVENTS_PER_USER, Catalogue, simulate

BEAUTY_USERS, BEAUTY_ITEMS = 22_363, 12_101

# Lengths 5 + ⌊a·(u / (b - u))^p⌋ with u even over 0…1, up to 204 events, as in Beauty. With them
# 22,363 users have its 198,502 events; the sum of squares, the cost of attention, is 1 % off.
_A, _P = 2.35935, 0.6
_B = 1 + (_A / 199) ** (1 / _P)


def beauty_like(
    num_users: int = BEAUTY_USERS, num_items: int = BEAUTY_ITEMS, seed: int = 0
) -> Histories:
    """Whole histories, with training, validation and test events.

    The events are those of simulated users (`mclrec_tf.data.sample.users`), divided anew into
    histories with Beauty's lengths.

    Args:
        num_users: Number of histories.
        num_items: Size of the catalogue, |I|.
        seed: Seed of the lengths and events.
    """
    random = np.random.default_rng([seed, 3])
    evenly = (np.arange(num_users) + 0.5) / num_users
    lengths = 5 + (_A * (evenly / (_B - evenly)) ** _P).astype(np.int64)
    random.shuffle(lengths)
    needed = int(lengths.sum())
    events = simulate(
        Catalogue.of_size(num_items, seed),
        seed,
        first_user=0,
        max_users=2 * needed // EVENTS_PER_USER + 100,
        max_events=needed,
        users_a_year=max(needed // EVENTS_PER_USER, 1),
        noise_share=0.05,
    )
    # The events of each simulated user stay together; ids begin at 1.
    items = events.items[np.argsort(events.users, kind="stable")] + 1
    return Histories.from_lengths(items.astype(np.int32), lengths)
