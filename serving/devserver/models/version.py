"""One version of a model, from loading to unloading."""

import asyncio
import gc
from dataclasses import dataclass

from tensorflow_serving.apis import get_model_status_pb2

from serving.devserver.models.folder_watch import Files
from serving.devserver.servables.servable import Servable
from serving.errors import ServingError

State = get_model_status_pb2.ModelVersionStatus.State


@dataclass
class Version:
    """A version and the calls that run on it; unloaded only when the last of them has ended."""

    files: Files
    state: int = State.LOADING
    servable: Servable | None = None
    error: ServingError | None = None
    calls: int = 0
    retirement: asyncio.TimerHandle | None = None

    def end_call(self) -> None:
        self.calls -= 1
        self._close_if_idle()

    def unload(self) -> None:
        self.state = State.UNLOADING
        self._close_if_idle()

    def status(self, number: int) -> get_model_status_pb2.ModelVersionStatus:
        """What ModelService tells of it."""
        status = get_model_status_pb2.ModelVersionStatus(version=number, state=self.state)
        status.status.SetInParent()
        if self.error:
            status.status.error_code = self.error.code.value[0]
            status.status.error_message = self.error.message
        return status

    def _close_if_idle(self) -> None:
        if self.state == State.UNLOADING and not self.calls and self.servable:
            self.servable.close()
            self.servable = None
            self.state = State.END
            # Its graph lies in a cycle: 20 MB or more, to which Python would not soon come.
            gc.collect()
