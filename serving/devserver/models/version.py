"""One version of a model, from loading to unloading."""

import gc
from dataclasses import dataclass

from tensorflow_serving.apis import get_model_status_pb2

from serving.devserver.models.settled_files import Files
from serving.devserver.servables.servable import Servable
from serving.errors import ServingError

State = get_model_status_pb2.ModelVersionStatus.State


@dataclass
class Version:
    """A version and the calls that run on it; it is unloaded when the last of them has ended.

    Args:
        files: The files that it is loaded from.
        state: One of `State`: LOADING, AVAILABLE, UNLOADING or END.
        servable: The loaded model, while there is one.
        error: The reason why it cannot be loaded.
        calls: The number of calls that run or wait.
    """

    files: Files
    state: int = State.LOADING
    servable: Servable | None = None
    error: ServingError | None = None
    calls: int = 0

    def end_call(self) -> None:
        """Notes that a call has ended."""
        self.calls -= 1
        self._close_if_idle()

    def unload(self) -> None:
        """Takes no more calls, and frees the model once those that run have ended."""
        self.state = State.UNLOADING
        self._close_if_idle()

    def status(self, number: int) -> get_model_status_pb2.ModelVersionStatus:
        """The status that ModelService reports."""
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
            # The graph of the model is part of a reference cycle of 20 MB or more, which Python
            # would not collect for a long time.
            gc.collect()
