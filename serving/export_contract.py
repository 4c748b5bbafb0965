"""What an export is to those who load it: its signatures and the names of its files.

The one place that states it for the client, the server, the check of exports and the pipeline;
what the values mean is in `mclrec_tf.export.saved_model.export_savedmodel`. The library that writes
exports is installed without this distribution, and this one without the library, so neither can
import the other: `tests/test_export_contract.py` holds what the library writes against this file.

It imports the standard library alone, because a client imports it, and a process that must not find
the project (`export_check/trial.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple

HISTORY_LENGTH = 50
"""Fewest columns of the inputs `history`: those of an export whose model reads no more items."""

MAX_HISTORY_LENGTH = 1_000
"""Most columns of them."""

GRAPH_FILE = "saved_model.pb"
TAG = "serve"
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
"""Requests for every signature, which a server replays before a version serves."""

CHECKSUM_FILE = "assets.extra/SHA256SUMS"
"""Checksums of all other files, in the format of `sha256sum`."""

DEFAULT_SIGNATURE = "serving_default"

LATER_SIGNATURES = frozenset({"recommend_among", "similar_items"})
"""Those that exports of earlier versions lack."""


class SignatureContract(NamedTuple):
    """Names, types and shapes of the tensors of a signature.

    Args:
        inputs: Data types by name, as in "DT_STRING".
        shapes: Of the inputs; -1 is a size that a request chooses, the first one its rows.
        outputs: Data types by name. Their shape is `[rows, places]`, but for ranks `[rows]`.
        counts: Outputs of the shape `[rows]` that exports of earlier versions lack.
    """

    inputs: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    outputs: dict[str, str]
    counts: dict[str, str]


_BEST_ITEMS = {"item_ids": "DT_STRING", "scores": "DT_FLOAT"}
_COUNTS = {"known_items": "DT_INT32"}
_REPEATS = {f"repeats_at_{cutoff}": "DT_INT32" for cutoff in (5, 10, 20)}
_RANKS = {
    f"{ranking}{policy}_rank": "DT_INT64"
    for ranking in ("", "popularity_", "recency_")
    for policy in ("all_items", "unseen_items")
}


def signatures(width: int) -> dict[str, SignatureContract]:
    """The signatures of an export by name; `serving_default` answers requests that name none.

    Args:
        width: Columns of its inputs `history`.
    """
    history = (-1, width)
    options = {"exclude": "DT_STRING", "k": "DT_INT32", "keep_seen": "DT_BOOL"}
    option_shapes = {"exclude": (-1, -1), "k": (-1,), "keep_seen": (-1,)}
    return {
        DEFAULT_SIGNATURE: SignatureContract(
            {"history": "DT_STRING"}, {"history": history}, _BEST_ITEMS, _COUNTS
        ),
        "recommend": SignatureContract(
            {"history": "DT_STRING", **options},
            {"history": history, **option_shapes},
            _BEST_ITEMS,
            _COUNTS,
        ),
        "recommend_among": SignatureContract(
            {
                "history": "DT_STRING",
                "candidates": "DT_STRING",
                "candidate_set": "DT_STRING",
                **options,
            },
            {"history": history, "candidates": (-1, -1), "candidate_set": (-1,), **option_shapes},
            _BEST_ITEMS,
            _COUNTS,
        ),
        "similar_items": SignatureContract(
            {"item": "DT_STRING", "k": "DT_INT32"},
            {"item": (-1,), "k": (-1,)},
            _BEST_ITEMS,
            _COUNTS,
        ),
        "rank_examples": SignatureContract(
            {"examples": "DT_STRING"},
            {"examples": (-1,)},
            {**_RANKS, **_BEST_ITEMS},
            {**_COUNTS, **_REPEATS},
        ),
        "user_vector": SignatureContract(
            {"history": "DT_STRING"}, {"history": history}, {"vector": "DT_FLOAT"}, {}
        ),
    }


SIGNATURES = signatures(HISTORY_LENGTH)
"""Those of the least width; names and types are the same for every width."""


def history_width(shape: Sequence[int | None] | None) -> int:
    """How many columns the inputs `history` of an export have.

    Args:
        shape: Of the input `history` of its `serving_default`; None if it has none, or an open one.
            A size that is open is None or -1.

    Returns:
        The least width where the shape does not tell one that the contract allows.
    """
    width = shape[1] if shape is not None and len(shape) == 2 else None
    return (
        width
        if width is not None and HISTORY_LENGTH <= width <= MAX_HISTORY_LENGTH
        else HISTORY_LENGTH
    )
