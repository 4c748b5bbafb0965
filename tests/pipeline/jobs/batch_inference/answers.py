"""What a server answers to every user of a log, beside what batch inference wrote."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mclrec_tf.data.event_log.reader import Event, EventLogFormat, read_events
from serving.client import RecommendationClient

# Of a float32 score of a few units. A row's place in a batch changes how a sum is rounded.
TOLERANCE = 1e-5


def histories_of(log: Path, format: EventLogFormat | None = None) -> dict[str, list[str]]:
    """Each user's items, oldest first; of equal events the first."""
    rows = read_events(str(log), format or EventLogFormat())
    events = dict.fromkeys(row for row in rows if isinstance(row, Event))
    histories: dict[str, list[str]] = {}
    for event in sorted(events, key=lambda event: event.timestamp):
        histories.setdefault(event.user_id, []).append(event.item_id)
    return histories


def rows_of(output: Path) -> list[dict[str, Any]]:
    """The rows of all files of an output."""
    return pq.read_table(output).to_pylist()


def assert_answers_are_a_servers(
    rows: Iterable[dict[str, Any]],
    histories: dict[str, list[str]],
    address: str,
    k: int,
    **options: Any,
) -> None:
    """Compares every user's row with the answer to the user's history over gRPC.

    Args:
        rows: What batch inference wrote.
        histories: By user.
        address: Of a server of the model.
        k: Items a user.
        options: More arguments of `recommend_batch`.
    """
    found = {row["user_id"]: row for row in rows}
    assert found.keys() == histories.keys()
    with RecommendationClient(address) as client:
        answers = client.recommend_batch(list(histories.values()), k=k, **options)
    for user, answer in zip(histories, answers, strict=True):
        row = found[user]
        scores = np.array([item.score for item in answer])
        assert len(row["item_ids"]) == len(answer), user
        np.testing.assert_allclose(row["scores"], scores, rtol=0, atol=TOLERANCE, err_msg=user)
        # The same items in the same order, but for neighbours whose scores rounding may turn.
        for place, (item_id, expected) in enumerate(zip(row["item_ids"], answer, strict=True)):
            if item_id != expected.item_id:
                close = np.abs(scores - scores[place]) <= TOLERANCE
                assert close.sum() > 1 or place == k - 1, (user, place, row, answer)
