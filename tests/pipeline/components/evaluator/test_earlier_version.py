"""What an earlier version's Evaluator wrote, without transitions and lists, can be read.

`earlier_version/metrics.tfrecord.gz` is the evaluation of `good` against `bad` of
`tests/pipeline/components/evaluator/test_component.py` as it was then.
"""

import gzip
from pathlib import Path

import pytest

from pipeline.components.blessing.decision import decide
from pipeline.components.blessing.intervals import mean_of
from pipeline.components.evaluator.paired_moments import LATEST_BLESSED, MODEL
from pipeline.components.evaluator.results import SliceResult, read_results
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.components.run_page.contents import PUSHED, Contents
from pipeline.components.run_page.page import write_page
from pipeline.settings import Settings

STORED = Path(__file__).with_name("earlier_version") / "metrics.tfrecord.gz"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SliceResult]:
    folder = tmp_path_factory.mktemp("evaluation")
    content = gzip.decompress(STORED.read_bytes())
    (folder / "metrics-00000-of-00001.tfrecord").write_bytes(content)
    return read_results(str(folder))


def test_each_mean_is_that_of_its_name(results: dict[str, SliceResult]):
    everybody = results[ALL_USERS]
    assert everybody.users == 200
    assert everybody.baselines == ("popularity", "recency")
    moments = everybody.moments["unseen_items"]
    means = {who: mean_of(moments, who, 0.95)[0] for who in moments.compared}
    assert means == {MODEL: 1, "popularity": 0, "recency": 0, LATEST_BLESSED: 0}


def test_a_page_shows_what_there_is(results: dict[str, SliceResult], tmp_path: Path):
    path = tmp_path / "page.html"
    write_page(path, Contents(PUSHED, results=results, pushed_to="/m/1"), Settings(), "log.csv")
    page = path.read_text()
    assert "recency" in page and "latest blessed" in page and "transitions" not in page
    assert "Run the Evaluator again to see coverage" in page


def test_it_decides_nothing_anew(results: dict[str, SliceResult]):
    with pytest.raises(ValueError, match="has no transitions, .* an earlier version wrote it"):
        decide(results, "", Settings().blessing)
