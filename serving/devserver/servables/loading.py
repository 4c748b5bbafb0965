"""Makes a version of a model ready to answer."""

import grpc

from serving.devserver.servables.servable import Servable
from serving.devserver.servables.warmup import warm_up
from serving.errors import ServingError
from serving.export_check.checksums import damage
from serving.export_contract import CHECKSUM_FILE


def load(name: str, version: int, path: str) -> Servable:
    """Loads a version and replays its warm-up requests, which takes seconds.

    Args:
        name: The name of the model.
        version: The number of the version.
        path: The folder of the SavedModel.

    Raises:
        ServingError: The version is damaged, or cannot answer its own warm-up requests.
    """
    try:
        if found := list(damage(path)):
            raise ServingError(
                grpc.StatusCode.DATA_LOSS,
                f"{path} is damaged: {'; '.join(found)}. Copy it again; delete {CHECKSUM_FILE} if "
                "it was changed on purpose",
            )
        servable = Servable(name, version, path)
        try:
            warm_up(servable)
        except BaseException:
            servable.close()
            raise
        return servable
    except ServingError:
        raise
    except Exception as error:  # whatever a faulty model provokes, the server goes on
        raise ServingError(grpc.StatusCode.INTERNAL, f"{path}: {error!r}") from error
