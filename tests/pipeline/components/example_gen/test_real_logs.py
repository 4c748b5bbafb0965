"""Public logs: the published counts, and the same histories as the researcher's loader gives."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mclrec_tf.data.interactions import load_interactions

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("ml-100k.inter.gz", (943, 1682, 100_000), (943, 1349, 99_287)),
        ("beauty.txt.gz", (22_363, 12_101, 198_502), (22_363, 12_101, 198_502)),
    ],
)
def test_five_core(ingest: Callable, shared_dir: Path, file: str, before: tuple, after: tuple):
    log = shared_dir / "data" / file
    splits, report, _ = ingest(log, k_core=5)
    for counted, expected in ((report.before, before), (report.after, after)):
        assert (counted.users, counted.items, counted.events) == expected
    assert report.after.shortest_history >= 5 and report.after.rarest_item >= 5
    assert report.split_users == {split: after[0] for split in splits}

    loaded = load_interactions(str(log), k_core=5)
    assert splits["test"].keys() == {*loaded.user_ids}
    for user, history in zip(loaded.user_ids, loaded.histories, strict=True):
        expected = [loaded.item_ids[item - 1] for item in history]
        assert splits["train"][user].history == expected[:-2]
        for split, target in (("validation", -2), ("test", -1)):
            example = splits[split][user]
            assert (example.history, example.target) == (expected[:target], expected[target])
