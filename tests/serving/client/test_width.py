"""A client hands an export as much of a history as it takes, also after another one is served."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mclrec_tf.export.saved_model import export_savedmodel
from pipeline.components.example_gen.histories.user_history import UserHistory
from pipeline.local_server import free_port
from pipeline.model_handler import Recommender
from serving.devserver.models.repository import single_model
from tests.serving.client.kinds import KINDS, open_client
from tests.serving.running_server import Addresses, running_server
from tests.serving.trained_model import TrainedModel, trained_model

WIDTHS = (50, 80)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[int, TrainedModel]:
    folder = tmp_path_factory.mktemp("trained")
    log = folder / "log.csv"
    rows = [
        f"u{user},i{item:03},{time}" for user in range(9) for time, item in enumerate(range(120))
    ]
    log.write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    return {width: trained_model(log, 0, 8, width) for width in WIDTHS}


@pytest.fixture(scope="module")
def exports(trained: dict[int, TrainedModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder for each width."""
    folder = tmp_path_factory.mktemp("exports")
    for width, one in trained.items():
        export_savedmodel(one.model, folder / str(width) / "1", one.item_ids)
    return folder


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("widths", [WIDTHS, WIDTHS[::-1]])
def test_what_is_served_may_come_to_read_another_number_of_items(
    trained: dict[int, TrainedModel], exports: Path, kind: str, widths: tuple[int, ...]
) -> None:
    ports = free_port(), free_port()
    addresses = Addresses(*(f"127.0.0.1:{port}" for port in ports))
    items = trained[50].item_ids
    histories = [items[:70], items[:3], []]
    with open_client(kind, getattr(addresses, kind.split("-")[1]), timeout=60) as client:
        for width in widths:
            with running_server(single_model("mclrec", str(exports / str(width))), ports):
                for batch in (histories, histories[1:]):  # none of the second needs the width
                    answers = client.recommend_batch(batch, k=7)
                    trained[width].check(batch, answers, 7)
                    read = [min(len(history), width) for history in batch]
                    assert [answer.history_items for answer in answers] == read
                    assert [answer.known_items for answer in answers] == read
                vectors = client.user_vectors(histories)
                assert vectors.shape == (3, 8)


@pytest.fixture
def served(exports: Path) -> Iterator[Addresses]:
    with running_server(single_model("mclrec", str(exports / "80"))) as addresses:
        yield addresses


def test_a_history_without_the_client_must_have_the_width(served: Addresses, kind: str) -> None:
    """Else one that was cut for an export that reads less would be answered, and nobody told."""
    httpx = pytest.importorskip("httpx")
    url = f"http://{served.rest}/v1/models/mclrec:predict"
    for width, status in ((80, 200), (50, 400), (81, 400)):
        answer = httpx.post(url, json={"inputs": [["i001"] + [""] * (width - 1)]}, timeout=60)
        assert answer.status_code == status
        if status != 200:
            assert "history must have the shape [batch, 80], got" in answer.json()["error"]


@pytest.mark.parametrize("width", WIDTHS)
def test_batch_inference_hands_it_as_much(
    trained: dict[int, TrainedModel], exports: Path, width: int
) -> None:
    items = trained[width].item_ids
    histories = [items[:70], items[:3], []]
    handler = Recommender(exports / str(width) / "1", k=7)
    batch = [UserHistory(b"u", [item.encode() for item in one], []) for one in histories]
    answers = list(handler.run_inference(batch, handler.load_model()))
    trained[width].check(histories, answers, 7)
    assert [answer.history_items for answer in answers] == [min(70, width), 3, 0]
