"""One model of a server: its versions, from loading to unloading."""

import asyncio
import logging
import posixpath
from collections.abc import Container
from dataclasses import dataclass

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2, model_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import ServableNotFound, ServingError, not_found
from serving.servable import Servable
from serving.version_policy import wanted_versions
from serving.warmup import warm_up

State = get_model_status_pb2.ModelVersionStatus.State
_Files = frozenset[tuple[str, int, int]]

# A version that is no longer wanted serves on for a moment: for requests that name it and are on
# their way, and for a label that the next configuration moves.
_RETIREMENT_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass
class Version:
    """A version and the calls that run on it; unloaded only when the last of them has ended."""

    state: int = State.LOADING
    servable: Servable | None = None
    error: ServingError | None = None
    broken_files: _Files = frozenset()
    calls: int = 0
    retirement: asyncio.TimerHandle | None = None

    def end_call(self) -> None:
        self.calls -= 1
        self._close_if_idle()

    def unload(self) -> None:
        self.state = State.UNLOADING
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self.state == State.UNLOADING and not self.calls and self.servable:
            self.servable.close()
            self.servable = None
            self.state = State.END


class Model:
    """Keeps the versions loaded that a configuration asks for.

    A new version takes traffic once it is loaded and warmed up; only then may an old one go. One
    that cannot be loaded is tried again when its files change. All methods run on the event loop,
    so there is no lock; loading runs in a thread.

    Args:
        config: With the model's name, base path, version policy and labels.
    """

    def __init__(self, config: model_server_config_pb2.ModelConfig):
        self.config = config
        self._versions: dict[int, Version] = {}

    @property
    def available(self) -> dict[int, Version]:
        """The versions that answer requests."""
        return {n: v for n, v in self._versions.items() if v.state == State.AVAILABLE}

    async def refresh(self) -> None:
        """Loads the versions that are wanted now and retires those that are not.

        Raises:
            OSError, tf.errors.OpError: The base path cannot be read.
        """
        wanted = await asyncio.to_thread(wanted_versions, self.config)
        for number, path in wanted.items():
            await self._load(number, path)
        if self.available.keys() & wanted.keys():
            self._retire_all_but(wanted.keys())

    def retire(self) -> None:
        """Unloads every version, after the moment that any version is given."""
        self._retire_all_but(set())

    def unload(self) -> None:
        """Unloads every version as soon as its calls have ended."""
        for version in self.available.values():
            version.unload()

    def find(self, spec: model_pb2.ModelSpec) -> Version:
        """The version that a request names by number or label; without either, the newest.

        Raises:
            ServableNotFound: There is none.
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
            ServingError: NOT_FOUND.
        """
        numbers = sorted(self._versions, reverse=True)
        if spec.HasField("version"):
            numbers = [number for number in numbers if number == spec.version.value]
            if not numbers:
                raise not_found(f"Could not find version {spec.version.value} of model {spec.name}")
        elif not numbers:
            raise not_found(f"Could not find any versions of model {spec.name}")
        return [_status(number, self._versions[number]) for number in numbers]

    def why_unavailable(self) -> ServingError:
        """What to tell when no version of the model answers."""
        for number, version in sorted(self._versions.items(), reverse=True):
            if version.error:
                return ServingError(
                    version.error.code,
                    f"version {number} of model {self.config.name} cannot be loaded: "
                    f"{version.error.message}",
                )
        return not_found(
            f"model {self.config.name} has no version to load: no folder with a numeric name "
            f"that its version policy asks for under {self.config.base_path}"
        )

    async def _load(self, number: int, path: str) -> None:
        version = self._versions.get(number)
        if version is None or version.state == State.END:
            files = await asyncio.to_thread(_files, path)
            if version and version.error and version.broken_files == files:
                return
            version = self._versions[number] = Version()
            try:
                version.servable = await asyncio.to_thread(
                    _load_and_warm_up, self.config.name, number, path
                )
                version.state = State.AVAILABLE
                _log.info("loaded version %d of model %s", number, self.config.name)
            except ServingError as error:
                # A copy of the error, whose traceback would keep the model in memory.
                version.error = ServingError(error.code, error.message)
                version.broken_files = files
                version.state = State.END
                _log.error("%s", self.why_unavailable().message)
        if version.retirement:
            version.retirement.cancel()
            version.retirement = None

    def _retire_all_but(self, wanted: Container[int]) -> None:
        for number, version in self.available.items():
            if number not in wanted and not version.retirement:
                version.retirement = asyncio.get_running_loop().call_later(
                    _RETIREMENT_SECONDS, version.unload
                )


def _not_served(request: str) -> ServableNotFound:
    return ServableNotFound(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}")


def _load_and_warm_up(name: str, number: int, path: str) -> Servable:
    servable = Servable(name, number, path)
    try:
        warm_up(servable)
    except ServingError:
        servable.close()
        raise
    return servable


def _files(path: str) -> _Files:
    """What tells a folder from itself before a change: names, sizes and times of its files."""
    files = set()
    for folder, _, names in tf.io.gfile.walk(path):
        for name in names:
            file = posixpath.join(folder, name)
            stat = tf.io.gfile.stat(file)
            files.add((file, stat.length, stat.mtime_nsec))
    return frozenset(files)


def _status(number: int, version: Version) -> get_model_status_pb2.ModelVersionStatus:
    status = get_model_status_pb2.ModelVersionStatus(version=number, state=version.state)
    status.status.SetInParent()
    if version.error:
        status.status.error_code = version.error.code.value[0]
        status.status.error_message = version.error.message
    return status
