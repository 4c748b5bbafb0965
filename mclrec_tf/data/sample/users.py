"""Simulated users of a shop, whose next item can be learned from those before.

Items belong to categories, and both are unequally popular (Zipf). A user has a taste and three
favourite categories that change over the months. A session stays in one of them and mostly moves
from an item to one of its four successors; which of the four comes first depends on the taste, so
that a model that knows more than the last item knows better. The rest are popular items of the
category, items seen shortly before, and noise.

Only sums, products and comparisons of a seeded generator's output are used, so that every machine
draws the same users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

EVENTS_PER_USER = 25
_FAVOURITES = 3
_SUCCESSORS = 4
_REMEMBERED = 4  # items a user may come back to

_NEW_SESSION = 0.15
_NEW_FAVOURITE = 0.15  # at the start of a session
_FOLLOW = 0.75  # within a session; else a popular item of the category
_REPEAT = 0.03
_SUCCESSOR_SHARES = (0.60, 0.82, 0.94)  # cumulative; the fourth has the rest

_FIRST_SECOND = 1_672_531_200  # 2023-01-01 UTC
_SIGN_UP_SECONDS = 365 * 86_400
_WEEK = 7 * 86_400
_LATE = 0.01
_SHORTEST, _LONGEST = 3, 200


@dataclass(frozen=True)
class Catalogue:
    """Items 0…|I|-1, ordered by category and within it by popularity.

    Args:
        starts: int64 [C + 1], first item of each category.
        item_weights: float64 [|I| + 1], popularity of all items before.
        category_weights: float64 [C + 1], popularity of all categories before.
        successors: int32 [|I|, 4], items of the same category that tend to come next.
    """

    starts: npt.NDArray[np.int64]
    item_weights: npt.NDArray[np.float64]
    category_weights: npt.NDArray[np.float64]
    successors: npt.NDArray[np.int32]

    @classmethod
    def of_size(cls, num_items: int, seed: int) -> Catalogue:
        """Draws a catalogue with about √|I| / 3 categories."""
        rng = np.random.default_rng([seed, 0])
        num_categories = max(2, round(num_items**0.5 / 3))
        starts = np.arange(num_categories + 1) * num_items // num_categories
        category = np.repeat(np.arange(num_categories), np.diff(starts))
        rank = np.arange(num_items) - starts[category]
        size = np.diff(starts)[category]
        # Steps 1…size-1 around the category, so that no item follows itself.
        steps = 1 + rng.random((num_items, _SUCCESSORS)) * (size[:, None] - 1)
        successors = starts[category, None] + (rank[:, None] + steps.astype(int)) % size[:, None]
        return cls(
            starts=starts,
            item_weights=_sums_before(1 / (rank + 3.0)),
            category_weights=_sums_before(1 / (np.arange(num_categories) + 3.0)),
            successors=successors.astype(np.int32),
        )

    @property
    def num_items(self) -> int:
        return len(self.successors)

    def category_of(self, items: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        return np.searchsorted(self.starts, items, side="right") - 1

    def draw_categories(self, uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Categories by popularity, one for each number in [0, 1)."""
        weights = self.category_weights
        found = np.searchsorted(weights, uniform * weights[-1], side="right") - 1
        return np.minimum(found, len(weights) - 2)

    def draw_items(
        self, categories: npt.NDArray[np.int64], uniform: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.int64]:
        """Items of the given categories by popularity, one for each number in [0, 1)."""
        first, end = self.starts[categories], self.starts[categories + 1]
        low, high = self.item_weights[first], self.item_weights[end]
        found = np.searchsorted(self.item_weights, low + uniform * (high - low), side="right") - 1
        return np.clip(found, first, end - 1)


@dataclass(frozen=True)
class Events:
    """Events in the order in which they reach the log: int64 [N] each."""

    users: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]


def simulate(
    catalogue: Catalogue,
    seed: int,
    first_user: int,
    max_users: int,
    max_events: int,
    users_a_year: int,
    noise_share: float,
) -> Events:
    """Lives of the users from number `first_user` on.

    Stops after `max_users` users or `max_events` events, whichever comes first. The events of all
    of them are in order of time, but for one in a hundred that reaches the log up to an hour late.
    """
    rng = np.random.default_rng([seed, 1, first_user])
    lengths = _draw_lengths(rng, max_users)
    before = np.cumsum(lengths) - lengths
    lengths = np.minimum(lengths, max_events - before)[before < max_events]
    # Longest first, so that the users who are still active stand first in every array.
    lengths = -np.sort(-lengths)
    users = first_user + rng.permutation(len(lengths))
    first_event = np.cumsum(lengths) - lengths  # of each user's first event
    items = np.empty(lengths.sum(), np.int64)
    times = np.empty(len(items), np.int64)

    signed_up = users * _SIGN_UP_SECONDS // users_a_year
    time = _FIRST_SECOND + signed_up + (rng.random(len(users)) * _WEEK).astype(np.int64)
    taste = (rng.random(len(users)) * _SUCCESSORS).astype(np.int64)
    favourites = catalogue.draw_categories(rng.random((len(users), _FAVOURITES)))
    category = favourites[:, 0]
    item = catalogue.draw_items(category, rng.random(len(users)))
    recent = np.repeat(item[:, None], _REMEMBERED, axis=1)
    for step in range(lengths[0]):
        active = int(np.searchsorted(-lengths, -step))  # users with more events than `step`
        user = np.arange(active)
        u = rng.random((7, active))

        opens = u[0] < _NEW_SESSION
        which = (u[1] * _FAVOURITES).astype(np.int64)
        changes = np.flatnonzero(opens & (u[2] < _NEW_FAVOURITE))
        favourites[changes, which[changes]] = catalogue.draw_categories(u[5, changes])
        category = np.where(opens, favourites[user, which], category[:active])

        nth = (
            taste[:active] + np.searchsorted(_SUCCESSOR_SHARES, u[1], side="right")
        ) % _SUCCESSORS
        follows = ~opens & (u[2] < _FOLLOW)
        next_item = np.where(
            follows, catalogue.successors[item[:active], nth], catalogue.draw_items(category, u[3])
        )
        is_noise = u[4] < noise_share
        returns = ~is_noise & (u[4] < noise_share + _REPEAT)
        seen = np.where(is_noise, (u[5] * catalogue.num_items).astype(np.int64), next_item)
        seen = np.where(returns, recent[user, (u[5] * _REMEMBERED).astype(np.int64)], seen)
        # Noise and returns do not lead the user off the way.
        item = np.where(is_noise | returns, item[:active], next_item)
        recent[user, step % _REMEMBERED] = seen
        time = time[:active] + _gap(opens, u[6])
        items[first_event[:active] + step] = seen
        times[first_event[:active] + step] = time

    late = np.where(rng.random(len(times)) < _LATE, rng.random(len(times)) * 3600, 0)
    order = np.argsort(times + late, kind="stable")
    return Events(np.repeat(users, lengths)[order], items[order], times[order])


def _draw_lengths(rng: np.random.Generator, users: int) -> npt.NDArray[np.int64]:
    """Numbers of events with a long tail and a mean of about `EVENTS_PER_USER`."""
    u = rng.random(users)
    return np.minimum(_SHORTEST + (9.5 * u / (1.03 - u)).astype(np.int64), _LONGEST)


def _gap(opens: npt.NDArray[np.bool_], u: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Seconds since the user's last event: minutes in a session, hours to weeks between two."""
    odds = u / (1.01 - u)
    return np.where(opens, 3600 + odds * 20 * 3600, 5 + odds * 40).astype(np.int64)


def _sums_before(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(weights)])
