"""Titles of the sample's items, which tell what the simulated users go by.

A title is a kind and a number, such as "Walnut lamp 43". The kind stands for the category, in which
a user stays for a session; within it, a low number is a popular item.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mclrec_tf.data.sample.rows import item_ids
from mclrec_tf.data.sample.users import Catalogue

_THINGS = """lamp mug chair kettle scarf clock basket jacket pillow teapot notebook umbrella vase
    backpack blanket bench mirror candle shelf tray rug stool apron bowl lantern wallet curtain
    hammock bottle planter hat frame"""
_LOOKS = """walnut copper linen cobalt amber ivory crimson granite olive silver birch indigo coral
    maroon velvet bamboo teal marble golden slate scarlet cedar pewter lilac bronze jade charcoal
    canvas saffron oak turquoise wicker"""


def item_rows(catalogue: Catalogue, seed: int) -> Iterator[tuple[str, str]]:
    """Yields the id and the title of every item of a catalogue, also of those that nobody takes.

    Args:
        catalogue: The catalogue.
        seed: The seed of the sample.
    """
    rng = np.random.default_rng([seed, 3])
    things, looks = (
        [words[index] for index in np.argsort(rng.random(len(words)), kind="stable")]
        for words in (_THINGS.split(), _LOOKS.split())
    )
    categories = catalogue.category_of(np.arange(catalogue.num_items))
    numbers = np.arange(catalogue.num_items) - catalogue.starts[categories] + 1
    ids = item_ids(catalogue)
    for name, category, number in zip(ids, categories.tolist(), numbers.tolist(), strict=True):
        # The first categories have no word in common, and no two of a thousand have both.
        turn, place = divmod(category, len(things))
        look = looks[(place + turn) % len(looks)]
        yield name.tobytes().decode(), f"{look.capitalize()} {things[place]} {number}"
