"""An answer says how many items of the history the model knows, and so does the command."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.client import HISTORY_LENGTH, RecommendationClient, Recommendations
from serving.client.__main__ import main
from serving.devserver.models.repository import single_model
from serving.errors import ServingError
from tests.serving.both_servers import SERVERS, serve
from tests.serving.client.kinds import KINDS, open_client
from tests.serving.conftest import ITEMS
from tests.serving.running_server import Addresses, running_server
from tests.serving.stand_in import EarlierVersion, write_export

pytestmark = pytest.mark.integration

# A history, the items of it that are known, and out of how many.
_COUNTS = [
    ([], 0, 0),
    (ITEMS[:3], 3, 3),
    ([ITEMS[0], "buttr", ITEMS[0]], 2, 3),
    (["1.0", "2.0"], 0, 2),
    (ITEMS * 3, HISTORY_LENGTH, HISTORY_LENGTH),
    ([*ITEMS[:5], *["gone"] * HISTORY_LENGTH], 0, HISTORY_LENGTH),
    ([*["gone"] * HISTORY_LENGTH, *ITEMS[:5]], 5, HISTORY_LENGTH),
]
# Without options, with them, and for more items than the signature without options answers with.
_OPTIONS: list[dict] = [{}, {"keep_seen": True}, {"exclude": [ITEMS[9]]}, {"k": len(ITEMS)}]


@pytest.fixture(scope="module", params=SERVERS)
def addresses(
    request: pytest.FixtureRequest, base_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    with serve(
        request.param, single_model("mclrec", base_path), tmp_path_factory.mktemp("config")
    ) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A server of an export that does not count."""
    base_path = tmp_path_factory.mktemp("earlier") / "mclrec"
    write_export(base_path / "1", ITEMS, model_type=EarlierVersion)
    with running_server(single_model("mclrec", base_path)) as addresses:
        yield addresses


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_of_an_earlier_version_cannot_choose_among_candidates(
    earlier: Addresses, kind: str
) -> None:
    with open_client(kind, earlier) as client:
        for ask in (
            lambda: client.recommend([], candidates=ITEMS[:3]),
            lambda: client.recommend_batch([[]], candidate_set="new"),
            lambda: client.rank([], ITEMS[:3]),
            lambda: client.similar_items(ITEMS[:1]),
        ):
            with pytest.raises(ServingError, match="is of an earlier version"):
                ask()
        assert client.recommend([], k=3)  # it goes on with what it has


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_counts_what_is_known(addresses: Addresses, kind: str) -> None:
    with open_client(kind, addresses, rows_per_request=2) as client:
        for options in _OPTIONS:
            for history, known, asked in _COUNTS:
                answer = client.recommend(history, **options)
                assert (answer.known_items, answer.history_items) == (known, asked)
        answers = client.recommend_batch([history for history, _, _ in _COUNTS])
        counts = [(answer.known_items, answer.history_items) for answer in answers]
        assert counts == [(known, asked) for _, known, asked in _COUNTS]


@pytest.mark.parametrize("kind", KINDS)
def test_an_earlier_export_answers_without_a_count(
    earlier: Addresses, server: Addresses, kind: str
) -> None:
    with open_client(kind, earlier) as client, open_client(kind, server) as counting:
        for options in _OPTIONS:
            answer = client.recommend(ITEMS[:3], **options)
            assert answer == counting.recommend(ITEMS[:3], **options)
            assert (answer.known_items, answer.history_items) == (None, 3)
        assert [a.known_items for a in client.recommend_batch([[], ITEMS[:1]])] == [None, None]
        assert client.user_vector(ITEMS[:1]).shape == (8,)


def test_an_answer_is_a_list(server: Addresses) -> None:
    with RecommendationClient(server.grpc) as client:
        answer = client.recommend([ITEMS[0], "unknown"], k=3)
    assert isinstance(answer, list) and answer == [*answer] and len(answer[:2]) == 2
    assert json.loads(json.dumps(answer)) == [[item, score] for item, score in answer]
    copy = pickle.loads(pickle.dumps(answer))
    assert isinstance(copy, Recommendations) and copy == answer
    assert (copy.known_items, copy.history_items) == (1, 2)


def _ports(server: Addresses) -> list[str]:
    ports = [address.split(":")[1] for address in server]
    return [f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]


@pytest.mark.parametrize(
    ("history", "told"),
    [
        (
            [],
            "no history was given, so this is the popularity ranking; items go before --exclude "
            "and --candidates",
        ),
        (ITEMS[:3], None),
        (
            [ITEMS[0], "buttr", ITEMS[1]],
            "2 of the 3 items are known to the model; buttr is not",
        ),
        (
            ["jam", "buttr", ITEMS[1], "jam"],
            "1 of the 4 items are known to the model; jam, buttr are not",
        ),
        (
            ["1.0", "2.0"],
            "none of the 2 items is known to the model, so the answer is the popularity ranking; "
            "are these ids of its catalogue? 1.0, 2.0",
        ),
        (
            [*ITEMS[:2], *(f"sku-{n}" for n in range(60))],
            "none of the last 50 items is known to the model, so the answer is the popularity "
            "ranking; are these ids of its catalogue? sku-10, sku-11, sku-12, sku-13, sku-14, "
            "sku-15, sku-16, sku-17, sku-18, sku-19 and 40 more",
        ),
    ],
)
def test_the_command_tells_what_is_not_known(
    server: Addresses,
    history: list[str],
    told: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*history, "--k=3", *_ports(server)]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 10
    assert printed.err == ("" if told is None else f"grpc: {told}\nrest: {told}\n")


def test_the_command_tells_that_an_earlier_export_does_not_count(
    earlier: Addresses, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["x", *_ports(earlier)[:1]]) == 0
    assert "grpc: the model does not tell how many items of the history" in capsys.readouterr().err
    assert main(_ports(earlier)[:1]) == 0
    assert "no history was given" in capsys.readouterr().err
