"""Items are counted right, however many a worker holds back."""

import random
from collections import Counter

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipeline.example_gen import item_counts
from pipeline.example_gen.item_counts import CountItems
from tests.pipeline.example_gen.conftest import BEAM_ARGS


@pytest.mark.parametrize("items_held", [1, 3, 1000])
def test_equals_counting_by_hand(monkeypatch: pytest.MonkeyPatch, items_held: int):
    monkeypatch.setattr(item_counts, "ITEMS_HELD", items_held)
    rng = random.Random(items_held)
    users = [[b"%d" % rng.randrange(20) for _ in range(rng.randrange(9))] for _ in range(50)]
    with beam.Pipeline(argv=BEAM_ARGS) as pipeline:
        # Two sources are two bundles at least.
        some = pipeline | "Some" >> beam.Create(users[:20])
        others = pipeline | "Others" >> beam.Create(users[20:])
        counts = (some, others) | beam.Flatten() | CountItems()
        assert_that(counts, equal_to(Counter(item for user in users for item in user).items()))
