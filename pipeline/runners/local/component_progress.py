"""Shows the progress of a run: one line when a component starts, and one when it ends."""

import logging
import time

from rich.console import Console

# The format strings of what TFX logs. If a later version words them differently, these lines are
# missing, and nothing else breaks.
_STARTS = "Component %s is running."
_ENDS = "Component %s is finished."
_CACHED = "A cached execution %d is used."


class ComponentProgress(logging.Handler):
    """A handler for the logger `absl`, which receives TFX's messages.

    Attributes:
        current: The id of the running component. None between two components.
        seconds: The duration of each finished component in seconds, by id.
        components: The number of all components. The caller sets it.

    Args:
        console: The console that gets the lines.
    """

    def __init__(self, console: Console):
        super().__init__(logging.INFO)
        self.current: str | None = None
        self.seconds: dict[str, float] = {}
        self.components = 0
        self._console = console
        self._is_cached = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == _STARTS:
            self.current, self._is_cached = str(record.args[0]), False  # type: ignore[index]
            self._started = time.monotonic()
            self._line("starts")
        elif record.msg == _CACHED:
            self._is_cached = True
        elif record.msg == _ENDS and self.current:
            seconds = time.monotonic() - self._started
            how = "unchanged, kept from an earlier run" if self._is_cached else "done"
            self.seconds[self.current] = seconds
            self._line(f"{how}, {seconds:.1f} s")
            self.current = None

    def _line(self, text: str) -> None:
        number = len(self.seconds) + (text == "starts")
        self._console.print(f"[{number:>2}/{self.components}] {self.current} {text}", markup=False)
