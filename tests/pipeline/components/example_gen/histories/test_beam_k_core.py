"""The k-core on Beam keeps what dropping rare users and items by hand keeps."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

Log = list[tuple[str, str]]

logs = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.sampled_from("tuvwxyz")), min_size=1, max_size=40
)


def by_hand(log: Log, k: int) -> Log:
    while True:
        users = Counter(user for user, _ in log)
        items = Counter(item for _, item in log)
        kept = [(user, item) for user, item in log if users[user] >= k and items[item] >= k]
        if kept == log:
            break
        log = kept
    users = Counter(user for user, _ in log)
    return [(user, item) for user, item in log if users[user] >= 3]


# Logs that share no user and no item do not touch each other: one run on their union is a test of
# every one of them.
@pytest.mark.integration
@settings(
    max_examples=2,
    phases=[Phase.generate],  # each try takes seconds: do not search for a smaller one
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(parts=st.lists(logs, min_size=20, max_size=60), k=st.integers(0, 4))
def test_equals_dropping_by_hand(ingest: Callable, parts: list[Log], k: int):
    always_kept = [(f"kept{user}", f"kept{item}") for user in range(4) for item in range(4)]
    union = always_kept + [
        (f"{number}{user}", f"{number}{item}")
        for number, part in enumerate(parts)
        for user, item in part
    ]
    ingested = ingest([(user, item, time) for time, (user, item) in enumerate(union)], k_core=k)
    left = [
        (user, item)
        for user, example in ingested.splits["test"].items()
        for item in (*example.history, example.target)
    ]
    expected = by_hand(union, k)
    assert sorted(left) == sorted(expected)
    after = ingested.report.after
    assert after.events == len(expected)
    assert after.users == len({user for user, _ in expected})
    assert after.items == len({item for _, item in expected})


def test_as_many_rounds_as_it_takes(ingest: Callable):
    # A chain: each user shares an item with the next one, and each round the ends fall off.
    length = 5
    chain = [(f"user{n}", f"item{n + side}") for n in range(length) for side in (0, 1)]
    core = [(f"core{user}", f"core{item}") for user in range(3) for item in range(4)]
    log = [(user, item, time) for time, (user, item) in enumerate(core + chain)]
    report = ingest(log, k_core=2).report
    assert (report.after.users, report.after.items) == (3, 4)
    assert report.rounds == 3
