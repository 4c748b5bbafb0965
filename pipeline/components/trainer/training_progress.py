"""Shows the progress of a training: one line per epoch, and a progress bar on a terminal."""

import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mclrec_tf.training.early_stopping import ResumableEarlyStopping


class TrainingProgress(keras.callbacks.Callback):
    """Prints the loss and the monitored validation metric, if there is one, after each epoch.

    Args:
        stopping: Knows the metric and its best value, also of the epochs before this process. It
            comes after this one in the callbacks of `fit`.
    """

    def __init__(self, stopping: ResumableEarlyStopping):
        super().__init__()
        self._stopping = stopping
        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        self._bar: Progress | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._started = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn(f"       epoch {epoch + 1:>3}/{self._stopping.epochs}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.add_task("batches", total=self.params.get("steps"))
            self._bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._bar is not None:
            self._bar.stop()
        logs = logs or {}
        measured, mark, monitor = "", "", self._stopping.monitor
        if not self._stopping.keeps_the_last:
            if monitor not in logs:
                return  # which the early stopping says
            value = float(logs[monitor])
            measured = f"{monitor} {value:.4f}  "
            mark = "  best" if value > self._stopping.best_so_far else ""
        self._console.print(
            f"       epoch {epoch + 1:>3}/{self._stopping.epochs}  loss {float(logs['loss']):.4f}  "
            f"{measured}{time.monotonic() - self._started:.1f} s{mark}"
        )
