"""One model of a server: its versions, from loading to unloading."""

import asyncio
import logging
from collections.abc import Container

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver import metrics
from serving.devserver.models.folder_watch import FolderWatch
from serving.devserver.models.version import State, Version
from serving.devserver.models.version_policy import candidates
from serving.devserver.servables.loading import load
from serving.errors import ServableNotFound, ServingError, not_found

# A version that is no longer wanted serves on for a moment: for requests that name it and are on
# their way, and for a label that the next configuration moves.
_RETIREMENT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Model:
    """Keeps the versions loaded that a configuration asks for.

    A new version takes traffic once it is loaded and warmed up; only then may an old one go. One
    that is still being copied is left alone. One that cannot be loaded is tried again when its
    files change; meanwhile, under the policy `latest`, the next older one serves in its place. All
    methods run on the event loop, so there is no lock; loading runs in threads.

    Args:
        config: With the model's name, base path, version policy and labels.
        replay_warmup: Whether a version replays its warm-up requests before it serves.
    """

    def __init__(self, config: model_server_config_pb2.ModelConfig, replay_warmup: bool = True):
        self.config = config
        self._replay_warmup = replay_warmup
        self._versions: dict[int, Version] = {}
        self._watches: dict[int, FolderWatch] = {}  # of versions that are wanted and do not serve

    @property
    def available(self) -> dict[int, Version]:
        """The versions that answer requests."""
        return {n: v for n, v in self._versions.items() if v.state == State.AVAILABLE}

    @property
    def is_being_copied(self) -> bool:
        """Whether a version that is wanted is not at rest yet: it pays to look again soon."""
        return any(not watch.at_rest for watch in self._watches.values())

    async def refresh(self) -> None:
        """Loads the versions that are wanted now and retires those that are not.

        Raises:
            ServingError: The base path cannot be read.
        """
        folders, wanted = await asyncio.to_thread(candidates, self.config)
        # Each folder takes a moment to watch: begin with all of them at the same time.
        await asyncio.gather(*(self._may_load(n, folders[n]) for n in list(folders)[:wanted]))
        watches: dict[int, FolderWatch] = {}
        served: set[int] = set()
        for position, (number, path) in enumerate(folders.items()):
            if len(served) == wanted:
                break
            is_stand_in = position >= wanted
            if is_stand_in and len(self.available) >= wanted and number not in self.available:
                continue
            if await self._may_load(number, path):
                await self._load(number, self._watches[number])
            if self._keep(number):
                served.add(number)
            elif number in self._watches:
                watches[number] = self._watches[number]
        self._watches = watches
        if served:
            self._retire_all_but(served)

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
        return [self._versions[number].status(number) for number in numbers]

    def why_unavailable(self) -> ServingError:
        """What to tell when no version of the model answers."""
        for number, version in sorted(self._versions.items(), reverse=True):
            if version.error:
                return self._why_broken(number, version.error)
        return not_found(
            f"model {self.config.name} has no version to load: no folder with a numeric name "
            f"that its version policy asks for under {self.config.base_path}"
        )

    async def _may_load(self, number: int, path: str) -> bool:
        """Whether a version is to be loaded now: its files are at rest and not known as broken."""
        version = self._versions.get(number)
        if version and version.state != State.END:
            return False
        watch = self._watches.get(number)
        if watch is None or watch.path != path:
            watch = self._watches[number] = FolderWatch(path)
        if not await watch.settle():
            return False
        return version is None or version.error is None or version.files != watch.files

    async def _load(self, number: int, watch: FolderWatch) -> None:
        version = self._versions[number] = Version(watch.files)
        try:
            servable = await asyncio.to_thread(
                load, self.config.name, number, watch.path, self._replay_warmup
            )
            if not await asyncio.to_thread(watch.look):
                servable.close()
                raise ServingError(
                    grpc.StatusCode.ABORTED, f"{watch.path} changed while it was loaded"
                )
            version.servable = servable
            version.state = State.AVAILABLE
            _log.info("loaded version %d of model %s", number, self.config.name)
        except ServingError as error:
            # A copy of the error, whose traceback would keep the model in memory.
            version.error = ServingError(error.code, error.message)
            version.state = State.END
            metrics.count_failed_load(watch.path)
            _log.error("%s", self._why_broken(number, version.error).message)

    def _keep(self, number: int) -> bool:
        """Whether a version serves; if so, it goes on doing so."""
        version = self.available.get(number)
        if version and version.retirement:
            version.retirement.cancel()
            version.retirement = None
        return version is not None

    def _why_broken(self, number: int, error: ServingError) -> ServingError:
        return ServingError(
            error.code,
            f"version {number} of model {self.config.name} cannot be loaded: {error.message}",
        )

    def _retire_all_but(self, wanted: Container[int]) -> None:
        for number, version in self.available.items():
            if number not in wanted and not version.retirement:
                version.retirement = asyncio.get_running_loop().call_later(
                    _RETIREMENT_SECONDS, version.unload
                )


def _not_served(request: str) -> ServableNotFound:
    return ServableNotFound(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}")
