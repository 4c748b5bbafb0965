"""What is known of the items that are recommended: who had them in training, and their vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import Histories


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The items of a catalogue, by id.

    Args:
        item_users: int `[|I| + 1]`, how many training users had each item; row 0 is the padding's
            and is not read.
        num_users: How many training users there are.
        vectors: float `[|I| + 1, d]`, a vector an item, such as a model's
            `item_vectors()`, those of `mclrec_tf.data.item_vectors`, or 1 for
            each category of an item. None if nothing is to be said of how alike items are.

    Raises:
        ValueError: A shape does not fit, more users had an item than there are, or a vector holds
            what is no number.

    Example:

    ```python
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.evaluation.catalogue import Catalogue

    catalogue = Catalogue.from_histories(Histories.from_lists([[1, 2, 1], [1]]), num_items=3)
    catalogue.popularity.tolist()  # [0.0, 1.0, 0.5, 0.0]
    catalogue.self_information.tolist()  # [0.0, 0.0, 1.0, 1.0]
    ```
    """

    item_users: npt.NDArray[np.integer]
    num_users: int
    vectors: npt.NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        check_whole(1, num_users=self.num_users)
        if self.item_users.ndim != 1 or len(self.item_users) < 2:
            raise ValueError(
                f"item_users must have the shape [|I| + 1], got {self.item_users.shape}."
            )
        least, most = self.item_users[1:].min(), self.item_users[1:].max()
        if least < 0 or most > self.num_users:
            raise ValueError(
                f"item_users must lie in 0..{self.num_users}, the number of users, got "
                f"{least if least < 0 else most}."
            )
        if self.vectors is not None:
            if self.vectors.ndim != 2 or len(self.vectors) != len(self.item_users):
                raise ValueError(
                    f"vectors must have the shape [{len(self.item_users)}, d], got "
                    f"{self.vectors.shape}."
                )
            if not np.isfinite(self.vectors).all():
                raise ValueError("vectors must be finite numbers.")

    @classmethod
    def from_histories(
        cls,
        train: Histories,
        num_items: int,
        vectors: npt.NDArray[np.floating] | None = None,
    ) -> Catalogue:
        """Counts the users of each item.

        Args:
            train: The training part of each user.
            num_items: |I|.
            vectors: As of the class.

        Raises:
            ValueError: As of the class, or an item of the histories is beyond `num_items`.
        """
        check_whole(1, num_items=num_items)
        largest = int(train.items.max(initial=0))
        if largest > num_items:
            raise ValueError(f"train: item {largest} is beyond num_items={num_items}.")
        owner = np.repeat(np.arange(len(train)), train.lengths)
        once = np.unique(owner * (num_items + 1) + train.items)
        item_users = np.bincount(once % (num_items + 1), minlength=num_items + 1)
        return cls(item_users, len(train), vectors)

    @property
    def num_items(self) -> int:
        """|I|."""
        return len(self.item_users) - 1

    @cached_property
    def popularity(self) -> npt.NDArray[np.float64]:
        """p(i), the share of training users who had each item, `[|I| + 1]`; 0 for the padding."""
        share = self.item_users / self.num_users
        share[0] = 0
        return share

    @cached_property
    def self_information(self) -> npt.NDArray[np.float64]:
        """-log2 p(i) in bits, `[|I| + 1]`; 0 for the padding.

        An item that no training user had counts as one that a single user had, or its information
        would be infinite.
        """
        bits = -np.log2(np.maximum(self.item_users, 1) / self.num_users)
        bits[0] = 0
        return bits + 0.0  # no -0.0
