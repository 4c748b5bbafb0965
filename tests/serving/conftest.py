"""A stand-in for an export, and a server that serves it."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.devserver.models.repository import single_model
from serving.devserver.servables.servable import Servable
from tests.serving.running_server import Addresses, running_server
from tests.serving.stand_in import write_export

ODD_ITEMS = [
    "two words",
    'quo"te',
    "back\\slash",
    "comma, semi;",
    "日本 ☕",
    "<b>&amp;",
    "'",
    " lead",
]
ITEMS = [*(f"item-{number}" for number in range(30)), *ODD_ITEMS]
K = 20  # of serving_default; fewer than there are items


@pytest.fixture(scope="session")
def base_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder with its version 1."""
    path = tmp_path_factory.mktemp("models") / "mclrec"
    write_export(path / "1", ITEMS, k=K)
    return path


@pytest.fixture(scope="session")
def servable(base_path: Path) -> Iterator[Servable]:
    """The model without a server."""
    servable = Servable("mclrec", 1, base_path / "1")
    yield servable
    servable.close()


@pytest.fixture(scope="session")
def server(base_path: Path) -> Iterator[Addresses]:
    with running_server(single_model("mclrec", str(base_path))) as addresses:
        yield addresses


# Clients of the test module's own `server`, or of the one above.
@pytest.fixture
def rest(server: Addresses) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{server.rest}", timeout=60) as client:
        yield client


@pytest.fixture
def channel(server: Addresses) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.grpc) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.Channel) -> prediction_service_pb2_grpc.PredictionServiceStub:
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)
