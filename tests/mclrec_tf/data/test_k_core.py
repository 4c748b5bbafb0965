import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mclrec_tf.data.k_core import in_k_core

logs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=60)


def core(log: list[tuple[int, int]], k: int) -> list[bool]:
    users, items = np.array(log, np.int32).reshape(-1, 2).T
    return in_k_core(users, items, k).tolist()


@given(logs, st.integers(0, 5))
def test_it_is_what_dropping_one_at_a_time_leaves(log: list[tuple[int, int]], k: int) -> None:
    left = list(log)
    while rare := next(
        (
            event
            for event in left
            if min(sum(e[0] == event[0] for e in left), sum(e[1] == event[1] for e in left)) < k
        ),
        None,
    ):
        left.remove(rare)
    assert [event for event, stays in zip(log, core(log, k), strict=True) if stays] == left


@given(logs, st.integers(1, 5), st.randoms())
def test_it_does_not_depend_on_the_order_of_events(
    log: list[tuple[int, int]], k: int, random
) -> None:
    kept = sorted(event for event, stays in zip(log, core(log, k), strict=True) if stays)
    random.shuffle(log)
    assert sorted(event for event, stays in zip(log, core(log, k), strict=True) if stays) == kept


def test_a_rare_item_can_bring_down_everything() -> None:
    assert core([(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)], k=2) == [False] * 5
