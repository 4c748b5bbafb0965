"""One model of a server: its versions, from loading to unloading."""

import asyncio
import logging
import time

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.models.settled_files import list_files, settled_files
from serving.devserver.models.version import State, Version
from serving.devserver.models.version_policy import wanted_folders
from serving.devserver.servables.loading import load
from serving.errors import ServableNotFound, ServingError, not_found

# As in TF Serving, a version that is no longer wanted answers for a moment longer: requests that
# name it may be on their way, and the next configuration may give it a label.
_RETIREMENT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Model:
    """Keeps the versions loaded that a configuration asks for.

    A new version takes requests once it is loaded and warmed up; only then may an old one go. A
    version whose files still change is left alone. One that cannot be loaded is tried again when
    its files have changed. All methods run on the event loop, so there is no lock; loading runs in
    threads.

    Args:
        config: The name, base path, version policy and labels of the model.
    """

    def __init__(self, config: model_server_config_pb2.ModelConfig):
        self.config = config
        self._versions: dict[int, Version] = {}
        self._wanted: dict[int, str] = {}
        self._unwanted_since: dict[int, float] = {}

    @property
    def available(self) -> dict[int, Version]:
        """The versions that answer requests."""
        return {n: v for n, v in self._versions.items() if v.state == State.AVAILABLE}

    async def refresh(self) -> None:
        """Loads the versions that are wanted now, and unloads the others a moment later.

        Nothing is unloaded while no wanted version answers.

        Raises:
            ServingError: The base path cannot be read.
        """
        self._wanted = await asyncio.to_thread(wanted_folders, self.config)
        await asyncio.gather(*(self._load_if_settled(n, path) for n, path in self._wanted.items()))
        available, now = self.available, time.monotonic()
        unwanted = available.keys() - self._wanted.keys()
        if unwanted == available.keys():
            unwanted = set()
        self._unwanted_since = {n: self._unwanted_since.get(n, now) for n in unwanted}
        for number, since in self._unwanted_since.items():
            if now - since >= _RETIREMENT_SECONDS:
                available[number].unload()

    def unload(self) -> None:
        """Unloads every version as soon as its calls have ended."""
        for version in self.available.values():
            version.unload()

    def find(self, spec: model_pb2.ModelSpec) -> Version:
        """The version that a request names by number or label; without either, the newest.

        Raises:
            ServableNotFound: There is no such version.
        """
        available = self.available
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            if not available:
                raise _not_served(f"Latest({spec.name})")
            return available[max(available)]
        if choice == "version":
            number = spec.version.value
        elif spec.version_label in self.config.version_labels:
            number = self.config.version_labels[spec.version_label]
        else:
            raise ServableNotFound(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"Unrecognized servable version label: {spec.version_label}",
            )
        if number not in available:
            raise _not_served(f"Specific({spec.name}, {number})")
        return available[number]

    def statuses(self, spec: model_pb2.ModelSpec) -> list[get_model_status_pb2.ModelVersionStatus]:
        """The states of all versions, newest first, or of the one that is named by number.

        Raises:
            ServingError: NOT_FOUND, there is no such version.
        """
        numbers = sorted(self._versions, reverse=True)
        if spec.HasField("version"):
            numbers = [number for number in numbers if number == spec.version.value]
            if not numbers:
                raise not_found(f"Could not find version {spec.version.value} of model {spec.name}")
        elif not numbers:
            raise not_found(f"Could not find any versions of model {spec.name}")
        return [self._versions[number].status(number) for number in numbers]

    def failure(self) -> ServingError | None:
        """The reason why no version answers; None while the files of one still change."""
        for number in self._wanted:
            version = self._versions.get(number)
            if version and version.error:
                return version.error
        if self._wanted:
            return None
        return not_found(
            f"model {self.config.name} has no version to load: no folder with a numeric name "
            f"that its version policy asks for under {self.config.base_path}"
        )

    async def _load_if_settled(self, number: int, path: str) -> None:
        """Loads a version unless it is loaded, its files still change, or they are known as bad."""
        version = self._versions.get(number)
        if version and version.state != State.END:
            return
        files = await settled_files(path)
        if files is None or (version and version.error and version.files == files):
            return
        version = self._versions[number] = Version(files)
        try:
            servable = await asyncio.to_thread(load, self.config.name, number, path)
            if await asyncio.to_thread(list_files, path) != files:
                servable.close()
                raise ServingError(grpc.StatusCode.ABORTED, f"{path} changed while it was loaded")
            version.servable = servable
            version.state = State.AVAILABLE
            _log.info("loaded version %d of model %s", number, self.config.name)
        except ServingError as error:
            # A new error, because the traceback of this one would keep the model in memory.
            version.error = ServingError(
                error.code,
                f"version {number} of model {self.config.name} cannot be loaded: {error.message}",
            )
            version.state = State.END
            _log.error("%s", version.error.message)


def _not_served(request: str) -> ServableNotFound:
    return ServableNotFound(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}")
