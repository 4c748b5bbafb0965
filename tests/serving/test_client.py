"""The client gives what the model gives, over both protocols."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import client as client_module
from serving.client import HISTORY_LENGTH, Recommendation, RecommendationClient
from serving.errors import ServingError
from serving.predict import predict
from serving.repository import single_model
from serving.servable import Servable
from tests.serving.conftest import ITEMS, ODD_ITEMS, K
from tests.serving.running_server import Addresses, free_port, running_server
from tests.serving.stand_in import write_export


@pytest.fixture(scope="module", params=["grpc", "rest"])
def client(request: pytest.FixtureRequest, server: Addresses) -> Iterator[RecommendationClient]:
    address = getattr(server, request.param)
    with RecommendationClient(address, protocol=request.param) as client:
        yield client


def _best(
    servable: Servable, history: list[str], k: int, exclude: list[str], keep_seen: bool
) -> list[tuple[str, float]]:
    """The answer by the scores of the whole catalogue, asked without a client."""
    recent = np.full((1, HISTORY_LENGTH), b"", dtype=object)
    kept = history[-HISTORY_LENGTH:]
    recent[0, : len(kept)] = [item.encode() for item in kept]
    outputs = predict(
        servable,
        "recommend",
        {
            "history": recent,
            "exclude": np.array([[b""]], dtype=object),
            "k": np.array([len(ITEMS)], np.int32),
            "keep_seen": np.array([True]),
        },
    )
    unwanted = {*exclude, *(history if not keep_seen else ())}
    ranking = zip(outputs["item_ids"][0], outputs["scores"][0], strict=True)
    return [(item.decode(), score) for item, score in ranking if item.decode() not in unwanted][:k]


@settings(max_examples=30)
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
    assert recommendations == _best(servable, history, k, exclude, keep_seen)


def test_items_with_odd_names_come_and_go(client: RecommendationClient) -> None:
    everything = client.recommend([], k=len(ITEMS))
    assert {r.item_id for r in everything} == set(ITEMS)
    without_odd = client.recommend(ODD_ITEMS, k=len(ITEMS))
    assert {r.item_id for r in without_odd} == set(ITEMS) - set(ODD_ITEMS)


def test_ids_that_are_not_utf8_are_sent_and_received(tmp_path: Path) -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    base = tmp_path / "mclrec"
    write_export(base / "1", ["plain", "other"])
    [vocabulary] = (base / "1" / "assets").iterdir()
    vocabulary.write_bytes(b"plain\ncaf\xe9\n")
    with running_server(single_model("mclrec", str(base))) as server:
        for protocol in ("grpc", "rest"):
            with RecommendationClient(getattr(server, protocol), protocol=protocol) as client:
                assert [r.item_id for r in client.recommend(["plain"])] == [name]
                assert [r.item_id for r in client.recommend([name])] == ["plain"]


def test_a_long_history_excludes_what_the_model_does_not_read(client: RecommendationClient) -> None:
    history = [ITEMS[0], *[ITEMS[1]] * HISTORY_LENGTH]
    assert ITEMS[0] not in [r.item_id for r in client.recommend(history, k=len(ITEMS))]
    kept = client.recommend(history, k=len(ITEMS), keep_seen=True)
    assert {r.item_id for r in kept} == set(ITEMS)


def test_more_than_the_plain_signature_returns(client: RecommendationClient) -> None:
    assert len(client.recommend(ITEMS[:1], k=K + 5)) == K + 5
    assert len(client.recommend(ITEMS[:1], k=1000)) == len(ITEMS) - 1


def test_nothing_is_left_to_recommend(client: RecommendationClient) -> None:
    assert client.recommend(ITEMS) == []


def test_a_batch_answers_each_history_as_alone(client: RecommendationClient) -> None:
    histories = [[], ITEMS[:1], ITEMS[5:9], ITEMS * 2, ["unknown"]]
    exclude = [[], [], ITEMS[:3], [], ITEMS[:1]]
    together = client.recommend_batch(histories, 7, exclude)
    alone = [client.recommend(h, 7, e) for h, e in zip(histories, exclude, strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert [r.item_id for r in one] == [r.item_id for r in other]
        # TensorFlow may add up the numbers of a larger batch in another order.
        assert [r.score for r in one] == pytest.approx([r.score for r in other], rel=1e-4)
    assert client.recommend_batch([]) == []


def test_both_protocols_give_the_same_numbers(server: Addresses) -> None:
    answers = []
    for protocol in ("grpc", "rest"):
        with RecommendationClient(getattr(server, protocol), protocol=protocol) as client:
            answers.append(client.recommend(ITEMS[3:6], k=12))
    assert answers[0] == answers[1]
    assert all(isinstance(r, Recommendation) for r in answers[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"history": ["a", ""]}, r"histories\[0\]\[1\] is ''"),
        ({"history": ["a", 5]}, r"histories\[0\]\[1\] is 5"),
        ({"history": "abc"}, "is the string 'abc'"),
        ({"history": [], "exclude": [""]}, r"exclude\[0\]\[0\] is ''"),
        ({"history": [], "k": 0}, "at least 1"),
    ],
)
def test_a_wrong_argument_is_named(
    client: RecommendationClient, arguments: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        client.recommend(**arguments)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match='use "grpc" or "rest"'):
        RecommendationClient("127.0.0.1:1", protocol="soap")


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_the_servers_refusal_is_passed_on(server: Addresses, protocol: str) -> None:
    with (
        RecommendationClient(getattr(server, protocol), "no such/model", protocol) as client,
        pytest.raises(ServingError, match="Servable not found") as refused,
    ):
        client.recommend([])
    assert refused.value.code == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_server_that_is_not_there(protocol: str) -> None:
    with (
        RecommendationClient(f"127.0.0.1:{free_port()}", protocol=protocol) as client,
        pytest.raises(ServingError) as failed,
    ):
        client.recommend([])
    assert failed.value.code == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_server_that_does_not_answer(protocol: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        RecommendationClient(
            f"127.0.0.1:{silent.getsockname()[1]}", protocol=protocol, timeout=0.3
        ) as client,
        pytest.raises(ServingError) as failed,
    ):
        client.recommend([])
    assert failed.value.code in (
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAVAILABLE,  # gRPC may give up on the connection first
    )


def test_something_that_is_no_model_server(server: Addresses) -> None:
    with (
        RecommendationClient(f"http://{server.rest}/elsewhere", protocol="rest") as client,
        pytest.raises(ServingError, match="not TF Serving's") as failed,
    ):
        client.recommend([])
    assert failed.value.code == grpc.StatusCode.NOT_FOUND


def test_the_history_is_as_long_as_the_contract_says() -> None:
    contract = json.loads(Path(client_module.__file__).with_name("signatures.json").read_text())
    assert contract["serving_default"]["inputs"]["history"][1] == [-1, HISTORY_LENGTH]


def test_the_command_prints_a_table_for_each_protocol(
    server: Addresses, capsys: pytest.CaptureFixture[str]
) -> None:
    ports = [address.split(":")[1] for address in server]
    status = client_module.main(
        [ITEMS[0], "two words", "--k=3", f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]
    )
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert len(lines) == 10
    assert lines[2:5] == lines[7:10]
    assert [line.split()[0] for line in lines[2:5]] == ["1", "2", "3"]


def test_the_command_says_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert client_module.main(["x", f"--rest_api_port={free_port()}"]) == 1
    assert "UNAVAILABLE" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        client_module.main(["x"])
    assert "give --port or --rest_api_port" in capsys.readouterr().err


def test_rest_needs_no_tensorflow() -> None:
    program = "import sys, serving.client; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
