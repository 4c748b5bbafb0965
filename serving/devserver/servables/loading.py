"""Makes a version of a model ready to answer."""

import time

import grpc

from serving.devserver import metrics
from serving.devserver.servables.servable import Servable
from serving.devserver.servables.warmup import warm_up
from serving.errors import ServingError
from serving.export_check.checksums import damage
from serving.export_contract import CHECKSUM_FILE


def load(name: str, version: int, path: str, replay_warmup: bool = True) -> Servable:
    """Loads a version and warms it up, which takes seconds.

    Args:
        name: Of the model.
        version: Of the model.
        path: Folder of the SavedModel.
        replay_warmup: Whether its warm-up requests are replayed.

    Raises:
        ServingError: It is damaged, or cannot answer its own warm-up requests.
    """
    try:
        return _load(name, version, path, replay_warmup)
    except ServingError:
        raise
    except Exception as error:  # whatever an odd model provokes, the server goes on
        raise ServingError(grpc.StatusCode.INTERNAL, f"{path}: {error!r}") from error


def _load(name: str, version: int, path: str, replay_warmup: bool) -> Servable:
    if found := list(damage(path)):
        raise ServingError(
            grpc.StatusCode.DATA_LOSS,
            f"{path} is damaged: {'; '.join(found)}. Copy it again; delete {CHECKSUM_FILE} if it "
            "was changed on purpose",
        )
    servable = Servable(name, version, path)
    started = time.perf_counter()
    try:
        if replay_warmup:
            warm_up(servable)
            metrics.count_warm_up(path, time.perf_counter() - started)
    except BaseException:
        servable.close()
        raise
    return servable
