"""What is served is what the model ranks offline, for every user of a log, however it is asked."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from tensorflow_serving.config import model_server_config_pb2

from mclrec_tf.data.sample.sample_log import write_sample
from mclrec_tf.export.saved_model import export_savedmodel
from serving.client import Recommendation, RecommendationClient
from serving.devserver.models.repository import single_model
from tests.serving.running_server import Addresses, running_server
from tests.serving.trained_model import TrainedModel, trained_model

pytestmark = pytest.mark.integration

_BATCHES = [1, 7, 64]
_SET = "in stock"


class Served(NamedTuple):
    """A trained model, the configuration that serves it, and where it is served."""

    trained: TrainedModel
    config: model_server_config_pb2.ModelServerConfig
    addresses: Addresses


@pytest.fixture(
    scope="module",
    params=[
        ("sample", 50),
        ("sample", 60),
        *(pytest.param(("MovieLens 100K", n), marks=pytest.mark.slow) for n in (50, 200, 1_000)),
    ],
    ids=lambda log_and_length: "-".join(map(str, log_and_length)),
)
def served(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    name, max_length = request.param
    if name == "sample":
        log, epochs, dim = folder / "sample.csv", 0, 8
        write_sample(log, 1_000)
    else:
        shared_dir: Path = request.getfixturevalue("shared_dir")
        log, epochs, dim = shared_dir / "data" / "ml-100k.inter.gz", 3, 32
    trained = trained_model(log, epochs, dim, max_length)
    sets = {_SET: [*trained.item_ids[::3], "not yet in the catalogue"]}
    export_savedmodel(trained.model, str(folder / "mclrec" / "1"), trained.item_ids, item_sets=sets)
    config = single_model("mclrec", str(folder / "mclrec"))
    with running_server(config) as addresses:
        yield Served(trained, config, addresses)


@pytest.fixture(scope="module", params=["grpc", "rest"])
def client(request: pytest.FixtureRequest, served: Served) -> Iterator[RecommendationClient]:
    address = getattr(served.addresses, request.param)
    with RecommendationClient(address, protocol=request.param, timeout=120) as client:
        yield client


def _ask(
    client: RecommendationClient,
    histories: Sequence[Sequence[str]],
    batch_size: int,
    k: int,
    exclude: Sequence[Sequence[str]] | None = None,
    keep_seen: bool = False,
    candidates: Sequence[Sequence[str]] | None = None,
    candidate_set: str | None = None,
) -> list[list[Recommendation]]:
    """Asks in requests of so many histories."""
    starts = range(0, len(histories), batch_size)
    parts = [slice(start, start + batch_size) for start in starts]
    return list(
        chain.from_iterable(
            client.recommend_batch(
                histories[part],
                k,
                exclude and exclude[part],
                keep_seen,
                candidates=candidates and candidates[part],
                candidate_set=candidate_set,
            )
            for part in parts
        )
    )


@pytest.mark.parametrize("batch_size", _BATCHES)
@pytest.mark.parametrize("policy", ["all_items", "unseen_items"])
def test_ranks_are_those_of_the_evaluation(
    served: Served, client: RecommendationClient, policy: str, batch_size: int
) -> None:
    trained, k = served.trained, len(served.trained.item_ids)
    answers = _ask(client, trained.histories, batch_size, k, keep_seen=policy == "all_items")
    ranks = []
    for target, answer in zip(trained.targets, answers, strict=True):
        own = dict(answer).get(target, -np.inf)
        ranks.append(1 + sum(score > own for _, score in answer))
    assert ranks == getattr(trained.ranks, policy).tolist()


@pytest.mark.parametrize("batch_size", _BATCHES)
@pytest.mark.parametrize("k", [1, 20, 100, 10_000])
def test_the_best_k_items_come_in_order(
    served: Served, client: RecommendationClient, k: int, batch_size: int
) -> None:
    # Whole catalogues of every user are compared by their ranks, above.
    histories = served.trained.histories[:: 1 if k <= 100 else 5]
    answers = _ask(client, histories, batch_size, k)
    served.trained.check(histories, answers, k)


@pytest.mark.parametrize("keep_seen", [False, True])
@pytest.mark.parametrize("batch_size", _BATCHES)
def test_excluded_items_never_come(
    served: Served, client: RecommendationClient, keep_seen: bool, batch_size: int
) -> None:
    """Each user's own: the best items otherwise, one of the history, and one nobody knows."""
    trained, histories = served.trained, served.trained.histories
    exclude = [
        [*(item for item, _ in answer[: user % 4]), histories[user][0], "unknown"]
        for user, answer in enumerate(_ask(client, histories, 64, 5, keep_seen=keep_seen))
    ]
    answers = _ask(client, histories, batch_size, 20, exclude, keep_seen)
    trained.check(histories, answers, 20, exclude, keep_seen)


@pytest.mark.parametrize("keep_seen", [False, True])
@pytest.mark.parametrize("batch_size", _BATCHES)
def test_nothing_but_candidates_comes(
    served: Served, client: RecommendationClient, keep_seen: bool, batch_size: int
) -> None:
    """Each user's own: of every size, some of the history, and some nobody knows."""
    trained, histories = served.trained, served.trained.histories
    items = trained.item_ids
    candidates = [
        [*items[user % 5 :: 1 + user % 7], *history[:3], "unknown"] if user % 4 else []
        for user, history in enumerate(histories)
    ]
    exclude = [[items[0], *history[:1]] for history in histories]
    answers = _ask(client, histories, batch_size, 20, exclude, keep_seen, candidates)
    trained.check(histories, answers, 20, exclude, keep_seen, candidates)

    answers = _ask(client, histories, batch_size, 20, None, keep_seen, None, _SET)
    in_set = items[::3]
    trained.check(histories, answers, 20, None, keep_seen, [in_set] * len(histories))

    answers = _ask(client, histories, batch_size, 20, None, keep_seen, candidates, _SET)
    both = [[*listed, *in_set] for listed in candidates]
    trained.check(histories, answers, 20, None, keep_seen, both)


def test_given_items_are_ranked_as_offline(served: Served, client: RecommendationClient) -> None:
    trained = served.trained
    for user, history in enumerate(trained.histories[:20]):
        items = [*trained.item_ids[user : user + 30], *history[:2], "unknown"]
        answer = client.rank(history, items)
        trained.check([history], [answer], 100, keep_seen=True, candidates=[items])


def test_a_hundred_thousand_candidates(served: Served, client: RecommendationClient) -> None:
    trained = served.trained
    items = [*(f"unknown-{number}" for number in range(99_900)), *trained.item_ids[:100]]
    history = trained.histories[0]
    answer = client.recommend(history, 20, candidates=items)
    trained.check([history], [answer], 20, candidates=[trained.item_ids[:100]])


def test_similar_items_are_those_of_the_model(served: Served, client: RecommendationClient) -> None:
    trained = served.trained
    names = [*trained.item_ids[::7], "unknown"]
    expected = trained.model.similar_items(range(1, len(trained.item_ids) + 1, 7), k=12)
    answers = client.similar_items(names, k=12)
    assert [answer.known_items for answer in answers] == [1] * (len(names) - 1) + [0]
    assert answers.pop() == []
    for answer, cosines in zip(answers, expected.scores, strict=True):
        np.testing.assert_allclose([score for _, score in answer], cosines, atol=1e-5)
    for answer, ids, cosines in zip(answers, *expected, strict=True):
        wanted = dict(zip((trained.item_ids[item - 1] for item in ids), cosines, strict=True))
        for item, score in answer[:6]:  # beyond, two may be as near as the last
            assert wanted[item] == pytest.approx(score, abs=1e-5)


@pytest.mark.parametrize("batch_size", _BATCHES)
def test_histories_of_every_kind(
    served: Served, client: RecommendationClient, batch_size: int
) -> None:
    items, width = served.trained.item_ids, served.trained.width
    unknown = [f"unknown-{number}" for number in range(2 * width)]
    histories: list[list[str]] = [
        [],
        unknown[:3],
        [unknown[0], items[3], unknown[1], items[4]],
        [items[5], *unknown],  # nothing known among what the model reads
        [items[0], *unknown[: width - 1]],
        items[:width],
        items[: width + 1],
        [items[7]] * (width + 20),
        [*items[:30], *items[:30]],
    ]
    for history in served.trained.histories[::10]:
        histories += [[*history[:2], *unknown[:2], *history[2:]], history * 3]
    for k, keep_seen in ((10, False), (len(items), True)):
        answers = _ask(client, histories, batch_size, k, keep_seen=keep_seen)
        served.trained.check(histories, answers, k, keep_seen=keep_seen)


def test_nothing_known_gets_the_popular_items(served: Served, client: RecommendationClient) -> None:
    for history in ([], ["unknown"]):
        answer = client.recommend(history, k=20)
        assert [item for item, _ in answer] == served.trained.item_ids[:20]
