"""Rows of the catalogue of the sample's items, which tell what the simulated users go by.

A title is a kind and a number, such as "Walnut lamp 43". The kind stands for the category, in which
a user stays for a session; within it, a low number is a popular item. The columns after it tell of
an item without events whom it is for: its kind and look are those of its category, its finish and
its embedding say which items come before and after it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.sample.rows import item_ids
from mclrec_tf.data.sample.users import Catalogue

HEADER = "item_id,title,kind,styles,embedding\n"
_THINGS = """lamp mug chair kettle scarf clock basket jacket pillow teapot notebook umbrella vase
    backpack blanket bench mirror candle shelf tray rug stool apron bowl lantern wallet curtain
    hammock bottle planter hat frame"""
_LOOKS = """walnut copper linen cobalt amber ivory crimson granite olive silver birch indigo coral
    maroon velvet bamboo teal marble golden slate scarlet cedar pewter lilac bronze jade charcoal
    canvas saffron oak turquoise wicker"""


_FINISHES = ["matte", "glossy", "brushed", "polished", "raw", "waxed", "lacquered", "glazed"]
_PLACES = len(_FINISHES) // 2  # numbers of an item's place among those of its category


def item_rows(catalogue: Catalogue, seed: int) -> Iterator[str]:
    """Yields a row for every item of a catalogue, and for a new one of each category.

    No user takes a new item. Items that nobody happens to take are among the others, too.

    Args:
        catalogue: The catalogue.
        seed: The seed of the sample.
    """
    rng = np.random.default_rng([seed, 3])
    things, looks = (
        [words[index] for index in np.argsort(rng.random(len(words)), kind="stable")]
        for words in (_THINGS.split(), _LOOKS.split())
    )
    num_items, num_categories = catalogue.num_items, len(catalogue.starts) - 1
    old = catalogue.category_of(np.arange(num_items))
    numbers = np.arange(num_items) - catalogue.starts[old] + 1
    new = np.arange(num_categories)
    categories = np.concatenate([old, new])
    numbers = np.concatenate([numbers, np.diff(catalogue.starts) + 1])
    ids = item_ids(categories, numbers - 1)
    embeddings, finishes = _embeddings(catalogue, seed)
    for name, category, number, embedding, finish in zip(
        ids, categories.tolist(), numbers.tolist(), embeddings, finishes.tolist(), strict=True
    ):
        # The first categories have no word in common, and no two of a thousand have both.
        turn, place = divmod(category, len(things))
        look = looks[(place + turn) % len(looks)]
        title = f"{look.capitalize()} {things[place]} {number}"
        styles = f"{look}|{_FINISHES[finish]}"
        vector = " ".join(f"{value:.3f}" for value in embedding)
        yield f"{name.tobytes().decode()},{title},{things[place]},{styles},{vector}\n"


def _embeddings(
    catalogue: Catalogue, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The embedding and the finish of each item, and of a new one of each category.

    An embedding tells of three things: the category, the place of the item in it, and the mean
    place of its successors. The finish is the largest number of the place.
    """
    rng = np.random.default_rng([seed, 4])
    num_items, num_categories = catalogue.num_items, len(catalogue.starts) - 1
    places = 2 * rng.random((num_items + num_categories, _PLACES)) - 1
    of_category = 2 * rng.random((num_categories, _PLACES)) - 1
    new = np.arange(num_categories)
    categories = np.concatenate([catalogue.category_of(np.arange(num_items)), new])
    # A new item leads to any others of its category.
    drawn = rng.random((num_categories, catalogue.successors.shape[1]))
    starts, sizes = catalogue.starts[:-1, None], np.diff(catalogue.starts)[:, None]
    after = np.concatenate([catalogue.successors, starts + (drawn * sizes).astype(np.int64)])
    largest = np.abs(places).argmax(axis=1)
    is_positive = places[np.arange(len(places)), largest] > 0
    parts = [of_category[categories], places, places[after].mean(axis=1)]
    return np.concatenate(parts, axis=1), largest + _PLACES * is_positive
