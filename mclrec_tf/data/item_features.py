"""What is known of items beside their events: categories and vectors, by the ids of the items."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_whole, path_text
from mclrec_tf.data.histories import positions

_FORMAT = "mclrec_tf.item_features.1"


@dataclass(frozen=True, eq=False)
class ItemCategories:
    """A categorical feature: each item has none, one or several of its values.

    Args:
        values: The distinct values; value v of the tuple has the id v, counted from 0.
        ids: int32 [N], the ids of the values of item 1, then those of item 2, and so on.
        splits: int64 [num_items + 2]; item i has `ids[splits[i]:splits[i + 1]]`. Item 0, the
            padding, has none.

    Raises:
        ValueError: The parts do not fit together.

    Example:
        >>> from mclrec_tf.data.item_features import ItemCategories
        >>> genres = ItemCategories.from_lists([["drama"], ["comedy", "drama"], []])
        >>> genres.num_items, genres.values, genres.of_item(2)
        (3, ('drama', 'comedy'), ('comedy', 'drama'))
    """

    values: tuple[str, ...]
    ids: npt.NDArray[np.int32]
    splits: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, array in (("ids", self.ids), ("splits", self.splits)):
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind != "i":
                raise ValueError(f"{name} must be a NumPy array of integers in one dimension.")
        splits = self.splits
        if len(splits) < 2 or splits[0] or splits[1] or splits[-1] != len(self.ids):
            raise ValueError(
                "splits must begin with 0 and 0, for the padding, and end with the number of ids, "
                f"{len(self.ids)}, got {splits}."
            )
        if (np.diff(splits) < 0).any():
            raise ValueError("splits must not fall.")
        if len(set(self.values)) != len(self.values):
            raise ValueError("values must be distinct.")
        if not all(isinstance(value, str) for value in self.values):
            raise ValueError("values must be texts.")
        if len(self.ids) and not 0 <= self.ids.min() <= self.ids.max() < len(self.values):
            raise ValueError(
                f"ids must lie in 0..{len(self.values) - 1}, got {self.ids.min()} to "
                f"{self.ids.max()}."
            )

    @classmethod
    def from_lists(cls, lists: Sequence[Sequence[str]]) -> ItemCategories:
        """The values of item 1, of item 2, and so on; a value is told by its text.

        Args:
            lists: A list of values an item; empty for an item without one.

        Raises:
            ValueError: A text stands where a list should, or in one something that is no text.
        """
        for item, values in enumerate(lists, 1):
            if isinstance(values, str):
                raise ValueError(f"lists must hold a list an item, got {values!r} for item {item}.")
        id_of: dict[str, int] = {}
        ids = [id_of.setdefault(value, len(id_of)) for values in lists for value in values]
        ends = np.cumsum([len(values) for values in lists])
        return cls(
            tuple(id_of),
            np.array(ids, np.int32),
            np.concatenate([[0, 0], ends]).astype(np.int64),
        )

    @property
    def num_items(self) -> int:
        """Size of the catalogue, |I|."""
        return len(self.splits) - 2

    def of_item(self, item: int) -> tuple[str, ...]:
        """The values of an item, by its id."""
        return tuple(self.values[v] for v in self.ids[self.splits[item] : self.splits[item + 1]])

    def take(self, items: npt.NDArray[np.integer]) -> ItemCategories:
        """Those of the given items, by their ids, in the given order."""
        lengths = np.diff(self.splits)[items]
        places = np.repeat(self.splits[items], lengths) + positions(lengths)
        splits = np.concatenate([[0, 0], np.cumsum(lengths)]).astype(np.int64)
        return ItemCategories(self.values, self.ids[places], splits)


@dataclass(frozen=True, eq=False)
class ItemFeatures:
    """The features of all items of a catalogue, those without any event among them.

    Ids 1 to |I| are the items of the training data by falling frequency and, after them, the cold
    ones: those that the training data has no event of.

    Args:
        categories: Categorical features by name.
        vectors: Vectors by name, such as embeddings of texts or of images, float32
            [num_items + 1, width] each. Row 0, the padding, is zeros, and so is that of an item
            that has no vector.
        num_cold: How many of the items, the last ones, are cold.

    Raises:
        ValueError: There is no feature, a name stands for two, they are of catalogues of unlike
            size, or a vector is not finite or the padding's is not zero; the feature is named.

    Example:
        >>> import numpy as np
        >>> from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
        >>> features = ItemFeatures(
        ...     categories={"genres": ItemCategories.from_lists([["drama"], ["comedy", "drama"]])},
        ...     vectors={"text": np.array([[0, 0], [0.5, 1], [-1, 2]], np.float32)},
        ...     num_cold=1,
        ... )
        >>> features.num_items
        2
    """

    categories: Mapping[str, ItemCategories]
    vectors: Mapping[str, npt.NDArray[np.float32]]
    num_cold: int = 0

    def __post_init__(self) -> None:
        if not self.categories and not self.vectors:
            raise ValueError("item features: there is neither a category nor a vector.")
        if both := self.categories.keys() & self.vectors.keys():
            raise ValueError(f"{sorted(both)[0]} is both a category and a vector.")
        for name, column in self.categories.items():
            if not isinstance(column, ItemCategories):
                raise ValueError(f"{name} must be ItemCategories, got {type(column).__name__}.")
        for name, given in self.vectors.items():
            _check_vectors(name, given)
        sizes = self._sizes()
        if len(set(sizes.values())) > 1:
            raise ValueError(f"features must be of one catalogue, but have items: {sizes}.")
        if self.num_items < 1:
            raise ValueError("item features: there is no item.")
        check_whole(0, num_cold=self.num_cold)
        if self.num_cold >= self.num_items:
            raise ValueError(
                f"num_cold is {self.num_cold} of {self.num_items} items: none is left that has "
                "training events."
            )

    def _sizes(self) -> dict[str, int]:
        sizes = {name: column.num_items for name, column in self.categories.items()}
        return sizes | {name: len(column) - 1 for name, column in self.vectors.items()}

    @property
    def num_items(self) -> int:
        """Size of the catalogue, |I|."""
        return next(iter(self._sizes().values()))

    def take(self, items: npt.NDArray[np.integer], num_cold: int) -> ItemFeatures:
        """Those of a catalogue of the given items, by their ids, in the given order.

        Args:
            items: int [M], the ids of its items.
            num_cold: How many of them, the last ones, are cold.
        """
        return ItemFeatures(
            {name: category.take(items) for name, category in self.categories.items()},
            {name: given[np.concatenate([[0], items])] for name, given in self.vectors.items()},
            num_cold,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes them as a NumPy archive, `.npz`, which holds no pickled objects.

        Args:
            path: The file.
        """
        arrays: dict[str, Any] = {"format": np.array(_FORMAT), "num_cold": np.array(self.num_cold)}
        for kind, names in (("categories", self.categories), ("vectors", self.vectors)):
            arrays[kind] = _texts(names)
        # By number, because a name may hold what a name of a file may not.
        for number, category in enumerate(self.categories.values()):
            arrays[f"category_{number}_values"] = _texts(category.values)
            arrays[f"category_{number}_ids"] = category.ids
            arrays[f"category_{number}_splits"] = category.splits
        arrays |= {f"vectors_{n}": column for n, column in enumerate(self.vectors.values())}
        with open(path_text("path", path), "wb") as file:  # under just this name
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ItemFeatures:
        """Reads what `save` wrote.

        Args:
            path: The file.

        Raises:
            OSError: There is no such file.
            ValueError: It is damaged or holds something else.
        """
        path = path_text("path", path)
        try:
            with open(path, "rb") as file:
                return cls._of_arrays(np.load(file, allow_pickle=False))
        except (KeyError, IndexError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{path} holds no item features as ItemFeatures.save writes them, or is damaged: "
                f"{error}."
            ) from None

    @classmethod
    def _of_arrays(cls, arrays: Any) -> ItemFeatures:
        if isinstance(arrays, np.ndarray) or str(arrays["format"]) != _FORMAT:
            raise KeyError(f"not {_FORMAT}")
        categories = {
            name: ItemCategories(
                tuple(_of_texts(arrays[f"category_{number}_values"])),
                arrays[f"category_{number}_ids"],
                arrays[f"category_{number}_splits"],
            )
            for number, name in enumerate(_of_texts(arrays["categories"]))
        }
        vectors = {
            name: arrays[f"vectors_{number}"]
            for number, name in enumerate(_of_texts(arrays["vectors"]))
        }
        return cls(categories, vectors, int(arrays["num_cold"]))


def _texts(texts: Any) -> npt.NDArray[Any]:
    """Texts as bytes one after the other, because NumPy's own texts lose a NUL at their end."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([0, *map(len, parts)]).astype("<i8")
    return np.concatenate(
        [
            np.frombuffer(np.array([len(parts)], "<i8").tobytes(), np.uint8),
            np.frombuffer(ends.tobytes(), np.uint8),
            np.frombuffer(b"".join(parts), np.uint8),
        ]
    )


def _of_texts(array: npt.NDArray[Any]) -> list[str]:
    data = array.tobytes()
    count = int(np.frombuffer(data[:8], "<i8")[0])
    start = 8 * (count + 2)
    ends = np.frombuffer(data[8:start], "<i8")
    return [
        data[start + begin : start + end].decode("utf-8", "surrogatepass")
        for begin, end in zip(ends[:-1], ends[1:], strict=True)
    ]


def _check_vectors(name: str, column: Any) -> None:
    if not isinstance(column, np.ndarray) or column.ndim != 2 or column.dtype != np.float32:
        kind = f"{column.dtype} {column.shape}" if isinstance(column, np.ndarray) else type(column)
        raise ValueError(f"{name} must be float32 [num_items + 1, width], got {kind}.")
    if not column.shape[1]:
        raise ValueError(f"{name}: its vectors have no number.")
    if len(column) and column[0].any():
        raise ValueError(f"{name}: row 0, the padding's, must be zeros.")
    finite = np.isfinite(column).all(axis=1)
    if not finite.all():
        raise ValueError(f"{name}: the vector of item {finite.argmin()} is not finite.")
