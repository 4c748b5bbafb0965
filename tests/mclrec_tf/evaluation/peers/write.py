"""Writes what other libraries make of some lists, for a test to hold this project's values against.

    pip install rectools inequality
    python tests/mclrec_tf/evaluation/peers/write.py

in an environment of its own, since they do not go together with the project's pins: RecTools for
all but the Gini index, which is PySAL's (`inequality`). It imports nothing of this project.
"""

import json
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
from inequality.gini import Gini
from rectools import Columns
from rectools.metrics import (
    AvgRecPopularity,
    CatalogCoverage,
    Intersection,
    IntraListDiversity,
    MeanInvUserFreq,
    PairwiseDistanceCalculator,
)
from scipy.spatial.distance import cosine

FILE = Path(__file__).with_name("written.json")
USERS, ITEMS, LONGEST, DIM = 25, 60, 20, 5


class CosineDistances(PairwiseDistanceCalculator):
    """1 - cosine of the vectors of two items."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    def _get_distances_for_item_pairs(self, items_0: np.ndarray, items_1: np.ndarray) -> np.ndarray:
        pairs = zip(items_0, items_1, strict=True)
        return np.array([cosine(self._vectors[a], self._vectors[b]) for a, b in pairs])


def table(rows: list[list[int]]) -> pd.DataFrame:
    """Rows of items as RecTools has lists and interactions."""
    cells = [(user, item, rank) for user, row in enumerate(rows) for rank, item in enumerate(row)]
    frame = pd.DataFrame(cells, columns=[Columns.User, Columns.Item, Columns.Rank])
    frame[Columns.Rank] += 1
    return frame


def values(lists: list[list[int]], train: list[list[int]], vectors: np.ndarray) -> dict[str, float]:
    reco = table(lists)
    # A user who had an item twice is one user of it.
    once = table([list(dict.fromkeys(row)) for row in train])
    found: dict[str, float] = {}
    for k in (5, 10, 20):
        shown = reco.loc[reco[Columns.Rank] <= k, Columns.Item]
        counts = np.bincount(shown, minlength=ITEMS + 1)[1:]
        popularity = AvgRecPopularity(k=k, normalize=False).calc(reco, once)
        distance = IntraListDiversity(k=k, distance_calculator=CosineDistances(vectors)).calc(reco)
        known = Intersection(k=k, ref_k=ITEMS).calc(reco, once)
        found |= {
            f"coverage_at_{k}": CatalogCoverage(k=k, normalize=True).calc(reco, range(ITEMS)),
            f"gini_by_number_of_items_at_{k}": Gini(counts).g,
            f"mean_popularity_at_{k}": popularity / len(train),
            f"novelty_at_{k}": MeanInvUserFreq(k=k).calc(reco, once),
            f"intra_list_similarity_at_{k}": 1 - distance,
            f"repeat_share_at_{k}": known,
        }
    return {name: float(value) for name, value in found.items()}


def main() -> None:
    random = np.random.default_rng(7)
    likely = 1 / np.arange(1, ITEMS + 1)
    likely[-10:] = 0  # items that nobody had in training
    likely /= likely.sum()
    train = [random.choice(ITEMS, n, p=likely) + 1 for n in random.integers(1, 20, USERS)]
    # Some items are recommended to many, and some to nobody.
    shown = random.dirichlet(np.full(ITEMS, 0.5)) + 1e-6
    lists = [random.choice(ITEMS, LONGEST, replace=False, p=shown / shown.sum()) + 1] * 2
    lists += [
        random.choice(ITEMS, LONGEST, replace=False, p=shown / shown.sum()) + 1
        for _ in range(USERS - 2)
    ]
    vectors = random.normal(size=(ITEMS + 1, DIM)).round(3) + 0.5
    rows = {"train": [row.tolist() for row in train], "lists": [row.tolist() for row in lists]}
    written = {
        "versions": {name: metadata.version(name) for name in ("rectools", "inequality")},
        **rows,
        "vectors": vectors.tolist(),
        "values": values(rows["lists"], rows["train"], vectors),
    }
    FILE.write_text(json.dumps(written) + "\n")


if __name__ == "__main__":
    main()
