"""Early stopping that survives the death of the process."""

import json
import math
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf.arguments import check_whole, path_text
from mclrec_tf.training.averaged_weights import averaged_weights, swap_averages
from mclrec_tf.training.weights_file import save_weights

_WEIGHTS, _HISTORY, _UNFINISHED = "model.weights.h5", "history.json", "unfinished"
_NUMBER_OF_EPOCHS = "number_of_epochs"  # a metric that rises with every epoch


class ResumableEarlyStopping(keras.callbacks.EarlyStopping):
    """Stops when a metric no longer rises, restores the best weights, and can be resumed.

    After each epoch everything that training needs to go on is put into `directory` at once, by
    a rename: weights, states of the optimizers, the logs of every epoch; the best epoch's is kept.
    `keras.callbacks.BackupAndRestore` is not enough for this: it forgets the best weights, and a
    process killed while it writes leaves a state that it cannot read.

    Where an optimizer averages the weights (`use_ema=True`), the averages are what is validated
    and kept; training goes on with the weights themselves, after a resumption too.
    (`keras.callbacks.SwapEMAWeights` takes the optimizer's weights to be all of the model's.)

    Args:
        directory: Holds the newest state and the best; absent before a new training.
        monitor: The metric, larger is better. None if there is nothing to measure it on: then the
            newest epoch is always the best one, and `epochs` decides alone.
        patience: Epochs without a better value after which training stops.
        epochs: After how many epochs training is over in any case; when left out, only `fit` and
            `patience` decide.

    Raises:
        FloatingPointError: From `fit`, when the loss is no finite number.
        tf.errors.OpError: From `fit`, when the state cannot be written, on a full disk for example.
            The states before are left as they are.

    Example:
        ```python
        import keras
        import numpy as np
        from mclrec_tf import NextItemModel, SASRec
        from mclrec_tf.training.early_stopping import ResumableEarlyStopping

        model = NextItemModel(SASRec(num_items=100))
        model.compile(keras.optimizers.Adam(1e-3))
        monitor = "val_unseen_items_ndcg_at_10"
        stopping = ResumableEarlyStopping("runs/state", monitor, patience=1, epochs=2)
        model.fit(
            np.array([[3, 7, 2]]),
            np.array([[7, 2, 5]]),
            validation_data=(np.array([[3, 7, 2]]), np.array([5])),
            initial_epoch=stopping.restore(model),  # 0, or how far a killed training came
            epochs=2,
            callbacks=[stopping],
        )
        ```
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str | None = "val_unseen_items_ndcg_at_10",
        patience: int = 10,
        epochs: int | None = None,
    ):
        check_whole(0, patience=patience)
        if epochs is not None:
            check_whole(1, epochs=epochs)
        self.keeps_the_last = monitor is None
        super().__init__(
            monitor=monitor or _NUMBER_OF_EPOCHS,
            patience=patience,
            mode="max",
            restore_best_weights=True,
        )
        self.directory = path_text("directory", directory)
        self.epochs = epochs
        self.history: list[dict[str, float]] = []

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to train."""
        is_long_enough = self.epochs is not None and len(self.history) >= self.epochs
        return is_long_enough or self._epochs_without_rise() >= max(self.patience, 1)

    @property
    def best_so_far(self) -> float:
        """The best value of the metric; minus infinity before the first epoch."""
        return max((row[self.monitor] for row in self.history), default=float("-inf"))

    def restore(self, model: keras.Model) -> int:
        """Loads the newest state; returns how many epochs it has had.

        The model's optimizers must be built, or their states are passed over.

        Raises:
            ValueError: The state is of another model, or damaged.
        """
        self.set_model(model)
        states = self._states()
        self.history = []
        if not states:
            return 0
        try:
            self._load(states[-1])
        except (ValueError, KeyError, OSError) as error:
            raise ValueError(
                f"{self.directory}: holds the state of a training that cannot go on with this "
                "model: it is of another one, or damaged. Give another folder, or remove this one "
                f"to train from the start. ({error})"
            ) from error
        return len(self.history)

    def _load(self, state: int) -> None:
        with tf.io.gfile.GFile(self._path(state, _HISTORY)) as file:
            self.history = json.load(file)
        self.model.load_weights(self._path(self._best() + 1, _WEIGHTS))
        with averaged_weights(self.model):
            self._kept_weights = self.model.get_weights()
        self.model.load_weights(self._path(state, _WEIGHTS))

    def restore_best(self) -> None:
        """Gives the model the weights of the best epoch so far."""
        self.on_train_begin()
        self.on_train_end()

    def discard(self) -> None:
        """Removes the state, when it is no longer needed."""
        if tf.io.gfile.isdir(self.directory):
            # Renamed first: a half-removed state must not be taken for a whole one.
            removed = f"{self.directory}-removed"
            if tf.io.gfile.isdir(removed):
                tf.io.gfile.rmtree(removed)
            tf.io.gfile.rename(self.directory, removed)
            tf.io.gfile.rmtree(removed)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if self.history:
            self.best_epoch = self._best()
            self.best = self.history[self.best_epoch][self.monitor]
            self.best_weights = self._kept_weights
            self.wait = self._epochs_without_rise()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        swap_averages(self.model)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        swap_averages(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.keeps_the_last:
            logs = {**(logs or {}), _NUMBER_OF_EPOCHS: epoch + 1}
        row = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(row["loss"]):
            raise FloatingPointError(
                f"the loss became {row['loss']} in epoch {epoch + 1}; try a lower learning rate"
            )
        if self.monitor not in row:
            raise ValueError(
                f"monitor: {self.monitor} is not measured; measured are {', '.join(row)}"
            )
        with averaged_weights(self.model):
            super().on_epoch_end(epoch, logs)
        self.history.append(row)
        self._write_state(epoch)

    def _best(self) -> int:
        return int(np.argmax([row[self.monitor] for row in self.history]))

    def _epochs_without_rise(self) -> int:
        return len(self.history) - 1 - self._best() if self.history else 0

    def _path(self, state: int, name: str) -> str:
        return os.path.join(self.directory, str(state), name)

    def _states(self) -> list[int]:
        """The states that are whole, each named by the number of epochs it has had."""
        if not tf.io.gfile.isdir(self.directory):
            return []
        names = (name.rstrip("/") for name in tf.io.gfile.listdir(self.directory))
        return sorted(int(name) for name in names if name.isdigit())

    def _write_state(self, epoch: int) -> None:
        unfinished = os.path.join(self.directory, _UNFINISHED)
        if tf.io.gfile.isdir(unfinished):
            tf.io.gfile.rmtree(unfinished)
        tf.io.gfile.makedirs(unfinished)
        save_weights(self.model, os.path.join(unfinished, _WEIGHTS))
        with tf.io.gfile.GFile(os.path.join(unfinished, _HISTORY), "w") as file:
            json.dump(self.history, file)
        tf.io.gfile.rename(unfinished, os.path.join(self.directory, str(epoch + 1)))
        for state in self._states():
            if state not in (epoch + 1, self.best_epoch + 1):
                tf.io.gfile.rmtree(os.path.join(self.directory, str(state)))
