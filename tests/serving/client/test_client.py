"""Every client gives what the model gives, whichever server serves it."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_serving.config import model_server_config_pb2

from mclrec_tf.export.checksums import write_checksums
from serving.client import HISTORY_LENGTH, Recommendation, RecommendationClient, TensorSpec
from serving.devserver.models.repository import single_model
from serving.devserver.servables.predict import predict
from serving.devserver.servables.servable import Servable
from serving.errors import ServingError
from serving.export_contract import SIGNATURES
from tests.serving.both_servers import SERVERS, serve
from tests.serving.client.kinds import KINDS, open_client
from tests.serving.conftest import ITEMS, ODD_ITEMS, K
from tests.serving.running_server import Addresses
from tests.serving.stand_in import write_export

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def start(
    base_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Addresses]]:
    """Starts each server once, in whichever order pytest asks for it."""
    config = single_model("mclrec", str(base_path))
    with contextlib.ExitStack() as running:
        yield functools.cache(
            lambda server: running.enter_context(
                serve(server, config, tmp_path_factory.mktemp("config"))
            )
        )


@pytest.fixture(scope="module", params=SERVERS)
def addresses(request: pytest.FixtureRequest, start: Callable[[str], Addresses]) -> Addresses:
    return start(request.param)


@pytest.fixture(scope="module", params=KINDS)
def client(request: pytest.FixtureRequest, addresses: Addresses) -> Iterator[RecommendationClient]:
    with open_client(request.param, addresses) as client:
        yield client


def _padded(history: list[str]) -> np.ndarray:
    recent = np.full((1, HISTORY_LENGTH), b"", dtype=object)
    kept = history[-HISTORY_LENGTH:]
    recent[0, : len(kept)] = [item.encode() for item in kept]
    return recent


def _best(
    servable: Servable, history: list[str], k: int, exclude: list[str], keep_seen: bool
) -> list[tuple[str, float]]:
    """The answer by the scores of the whole catalogue, asked without a client."""
    outputs = predict(
        servable,
        "recommend",
        {
            "history": _padded(history),
            "exclude": np.array([[b""]], dtype=object),
            "k": np.array([len(ITEMS)], np.int32),
            "keep_seen": np.array([True]),
        },
    )
    unwanted = {*exclude, *(history if not keep_seen else ())}
    ranking = zip(outputs["item_ids"][0], outputs["scores"][0], strict=True)
    return [(item.decode(), score) for item, score in ranking if item.decode() not in unwanted][:k]


def _assert_alike(answer: list[Recommendation], expected: list) -> None:
    assert [item_id for item_id, _ in answer] == [item_id for item_id, _ in expected]
    # Another batch or another TensorFlow may add up the same numbers in another order.
    assert [score for _, score in answer] == pytest.approx([s for _, s in expected], rel=1e-4)


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from([*ITEMS, "unknown"]), max_size=70),
    st.integers(1, len(ITEMS) + 5),
    st.lists(st.sampled_from([*ITEMS, "unknown"]), max_size=5),
    st.booleans(),
)
def test_recommends_the_best_items_that_are_wanted(
    client: RecommendationClient,
    servable: Servable,
    history: list[str],
    k: int,
    exclude: list[str],
    keep_seen: bool,
) -> None:
    recommendations = client.recommend(history, k, exclude, keep_seen)
    _assert_alike(recommendations, _best(servable, history, k, exclude, keep_seen))


def test_items_with_odd_names_come_and_go(client: RecommendationClient) -> None:
    everything = client.recommend([], k=len(ITEMS))
    assert {r.item_id for r in everything} == set(ITEMS)
    without_odd = client.recommend(ODD_ITEMS, k=len(ITEMS))
    assert {r.item_id for r in without_odd} == set(ITEMS) - set(ODD_ITEMS)


def test_a_long_history_excludes_what_the_model_does_not_read(client: RecommendationClient) -> None:
    history = [ITEMS[0], *[ITEMS[1]] * HISTORY_LENGTH]
    assert ITEMS[0] not in [r.item_id for r in client.recommend(history, k=len(ITEMS))]
    kept = client.recommend(history, k=len(ITEMS), keep_seen=True)
    assert {r.item_id for r in kept} == set(ITEMS)


def test_more_than_the_plain_signature_returns(client: RecommendationClient) -> None:
    assert len(client.recommend(ITEMS[:1], k=K + 5)) == K + 5
    assert len(client.recommend(ITEMS[:1], k=1000)) == len(ITEMS) - 1
    assert len(client.recommend(ITEMS[:1], k=K)) == K


def test_nothing_is_left_to_recommend(client: RecommendationClient) -> None:
    assert client.recommend(ITEMS) == []


def test_a_batch_answers_each_history_as_alone(client: RecommendationClient) -> None:
    histories = [[], ITEMS[:1], ITEMS[5:9], ITEMS * 2, ["unknown"]]
    exclude = [[], [], ITEMS[:3], [], ITEMS[:1]]
    together = client.recommend_batch(histories, 7, exclude)
    for answer, history, unwanted in zip(together, histories, exclude, strict=True):
        _assert_alike(answer, client.recommend(history, 7, unwanted))
    assert client.recommend_batch([]) == []


def test_vectors_are_those_of_the_model(client: RecommendationClient, servable: Servable) -> None:
    histories = [[], ITEMS[:1], ITEMS * 2]
    vectors = client.user_vectors(histories)
    assert vectors.dtype == np.float32 and vectors.shape == (3, 8)
    for vector, history in zip(vectors, histories, strict=True):
        [expected] = predict(servable, "user_vector", {"history": _padded(history)})["vector"]
        np.testing.assert_allclose(vector, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(client.user_vector(history), expected, rtol=1e-5, atol=1e-6)
    assert client.user_vectors([]).shape == (0, 0)


def test_the_state_of_the_model(client: RecommendationClient) -> None:
    [version] = client.model_status()
    assert version == (1, "AVAILABLE", "")
    client.wait_until_ready(timeout=60)
    assert client.is_ready()


def test_the_metadata_are_those_of_the_contract(client: RecommendationClient) -> None:
    version, signatures = client.model_metadata()
    assert version == 1
    for name, contract in SIGNATURES.items():
        inputs = {key: TensorSpec(d, contract.shapes[key]) for key, d in contract.inputs.items()}
        assert signatures[name].inputs == inputs
        dtypes = {key: spec.dtype for key, spec in signatures[name].outputs.items()}
        assert dtypes == {**contract.outputs, **contract.counts}
    assert signatures["serving_default"].inputs["history"].shape == (-1, HISTORY_LENGTH)


def test_both_protocols_give_the_same_numbers(addresses: Addresses) -> None:
    answers, vectors = [], []
    for kind in KINDS:
        with open_client(kind, addresses) as client:
            answers.append(client.recommend(ITEMS[3:6], k=12))
            vectors.append(client.user_vector(ITEMS[3:6]).tolist())
    assert all(answer == answers[0] for answer in answers)
    assert all(vector == vectors[0] for vector in vectors)
    assert all(isinstance(r, Recommendation) for answer in answers for r in answer)


@pytest.fixture(scope="module")
def folder_of_two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 knows one item, version 2 another."""
    folder = tmp_path_factory.mktemp("two")
    for version, item in ((1, "old"), (2, "new")):
        write_export(folder / "mclrec" / str(version), [item])
    return folder


@pytest.fixture(scope="module", params=SERVERS)
def two_versions(
    request: pytest.FixtureRequest, folder_of_two_versions: Path
) -> Iterator[Addresses]:
    """Version 1 is "stable", version 2 "canary"."""
    model = {
        "name": "mclrec",
        "base_path": str(folder_of_two_versions / "mclrec"),
        "model_platform": "tensorflow",
        "model_version_policy": {"all": {}},
        "version_labels": {"stable": 1, "canary": 2},
    }
    config = model_server_config_pb2.ModelServerConfig(model_config_list={"config": [model]})
    with serve(request.param, config, folder_of_two_versions) as addresses:
        yield addresses


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("choice", "version", "item"),
    [
        ({}, 2, "new"),
        ({"version": 1}, 1, "old"),
        ({"version": 2}, 2, "new"),
        ({"version_label": "stable"}, 1, "old"),
        ({"version_label": "canary"}, 2, "new"),
    ],
)
def test_asks_the_version_that_is_chosen(
    two_versions: Addresses, kind: str, choice: dict, version: int, item: str
) -> None:
    with open_client(kind, two_versions, **choice) as client:
        assert client.is_ready()
        assert client.model_metadata().version == version
        assert [r.item_id for r in client.recommend([])] == [item]
        assert sorted(v.version for v in client.model_status()) == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_that_is_not_there(two_versions: Addresses, kind: str) -> None:
    with open_client(kind, two_versions, version=9) as client:
        assert not client.is_ready()
        with pytest.raises(ServingError, match=r"NOT_FOUND.* it has: .*2 AVAILABLE"):
            client.recommend([])
    with open_client(kind, two_versions, version_label="gold") as client:
        assert not client.is_ready()
        with pytest.raises(ServingError, match="version label 'gold' of model mclrec at"):
            client.recommend([])


@pytest.mark.parametrize("kind", ["blocking-grpc", "asyncio-rest"])
def test_waits_in_vain_for_a_version(two_versions: Addresses, kind: str) -> None:
    with (
        open_client(kind, two_versions, version=9) as client,
        pytest.raises(ServingError, match=r"DEADLINE_EXCEEDED: not ready.* it has: .*2 AVAILABLE"),
    ):
        client.wait_until_ready(timeout=1)


@pytest.fixture(scope="module")
def latin_1_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An item's id is not UTF-8."""
    folder = tmp_path_factory.mktemp("latin-1")
    write_export(folder / "mclrec" / "1", ["plain", "other"])
    [vocabulary] = (folder / "mclrec" / "1" / "assets").iterdir()
    vocabulary.write_bytes(b"plain\ncaf\xe9\n")
    write_checksums(str(folder / "mclrec" / "1"))
    return folder


@pytest.mark.parametrize("server", SERVERS)
def test_ids_that_are_not_utf8_are_sent_and_received(server: str, latin_1_folder: Path) -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    config = single_model("mclrec", str(latin_1_folder / "mclrec"))
    with serve(server, config, latin_1_folder) as addresses:
        for kind in KINDS:
            with open_client(kind, addresses) as client:
                assert [r.item_id for r in client.recommend(["plain"])] == [name]
                assert [r.item_id for r in client.recommend([name, "café"])] == ["plain"]
