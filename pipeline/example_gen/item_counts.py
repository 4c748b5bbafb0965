"""Counts how often each item occurs, with few elements on the way."""

from collections import Counter
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

# Different items that a worker counts before it sends their counts on, about 150 MB.
ITEMS_HELD = 1_000_000


@beam.typehints.with_input_types(Iterable[bytes])
@beam.typehints.with_output_types(tuple[bytes, int])
class CountItems(beam.PTransform):
    """Items of a user, of many users -> (item, how often it occurs among all of them).

    A worker counts within its bundle, because an element an event costs far more than the counting.
    """

    def expand(self, items: beam.PCollection[Iterable[bytes]]) -> beam.PCollection:
        return items | beam.ParDo(_CountInBundle()) | beam.CombinePerKey(sum)


@beam.typehints.with_input_types(Iterable[bytes])
@beam.typehints.with_output_types(tuple[bytes, int])
class _CountInBundle(beam.DoFn):
    def start_bundle(self) -> None:
        self._counts: Counter[bytes] = Counter()

    def process(self, items: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
        self._counts.update(items)
        if len(self._counts) >= ITEMS_HELD:
            yield from self._counts.items()
            self._counts = Counter()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        yield from map(GlobalWindows.windowed_value_at_end_of_window, self._counts.items())
