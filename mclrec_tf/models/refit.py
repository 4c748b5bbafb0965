"""Lets an evaluated model learn from the events on which it was evaluated."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import Histories
from mclrec_tf.models.next_item_model import NextItemTraining
from mclrec_tf.models.recipe import train_model
from mclrec_tf.models.warm_start import warm_start
from mclrec_tf.training.early_stopping import ResumableEarlyStopping

_SHARE_OF_LEARNING_RATE = 0.5  # with which it begins
_SHARE_OF_EPOCHS = 0.2  # what others bring is in BUILD_NOTES.md


def refit_epochs(best_epoch: int) -> int:
    """For how many epochs a model goes on: a fifth of those after which it was best, at least 1.

    A model that was best after few epochs forgets more by going on for long than it learns.

    Args:
        best_epoch: The epoch whose weights it has, from 1.
    """
    check_whole(1, best_epoch=best_epoch)
    return max(1, round(_SHARE_OF_EPOCHS * best_epoch))


def refit(
    model: NextItemTraining,
    evaluated: NextItemTraining,
    items: Sequence[str],
    evaluated_items: Sequence[str],
    histories: Histories,
    stopping: ResumableEarlyStopping,
    *,
    batches: Callable[[int], tf.data.Dataset] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    seed: int = 0,
) -> None:
    """Trains a new model, which begins with an evaluated one's weights, on every event.

    The learning rate begins at half of the model's and falls to 0. What the new model counts, it
    has counted in every event too; the weights with which counts join the scores stay those that
    the held-out events have told the evaluated model. The result cannot be evaluated, since nothing
    is held out from it: compare it with the evaluated one.

    Args:
        model: The new model, compiled, with the counts of `histories`, if it has any.
        evaluated: The evaluated model, of the same architecture. It stays as it is.
        items: Names of the new model's items, by id from 1. They may have other ids than before.
        evaluated_items: Names of the evaluated model's items, by id from 1.
        histories: All events of each user, oldest first, in ids of the new model.
        stopping: Says for how many epochs, see `refit_epochs`, and keeps the state of a training
            that is killed. Its `monitor` must be None.
        batches, callbacks, seed: As for `train_model`.

    Raises:
        ArchitectureMismatchError: The models differ in more than the catalogue.
        ValueError: `stopping` has no epochs; or as of `warm_start` and `train_model`.

    Example:

    ```python
    import tempfile
    from mclrec_tf.data.histories import Histories, leave_one_out
    from mclrec_tf.models.building import build_model
    from mclrec_tf.models.recipe import train_model
    from mclrec_tf.models.refit import refit, refit_epochs
    from mclrec_tf.training.early_stopping import ResumableEarlyStopping

    histories = Histories.from_lists([[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 1]])
    train, validation, test = leave_one_out(histories)
    evaluated, model = build_model(num_items=5, dim=8), build_model(num_items=5, dim=8)
    train_model(evaluated, train, validation, ResumableEarlyStopping(tempfile.mkdtemp(), epochs=2))
    stopping = ResumableEarlyStopping(tempfile.mkdtemp(), None, epochs=refit_epochs(best_epoch=2))
    refit(model, evaluated, "abcde", "abcde", histories, stopping)
    ```
    """
    if stopping.epochs is None:
        raise ValueError("stopping must have epochs, because nothing is held out to end by.")
    warm_start(model, evaluated, items, evaluated_items)
    highest = model.optimizer.learning_rate
    if isinstance(highest, keras.Variable):  # `train_model` refuses a schedule
        highest = float(highest)  # the variable itself would fall with it
        model.optimizer.learning_rate = _SHARE_OF_LEARNING_RATE * highest
    train_model(
        model,
        histories,
        None,
        stopping,
        batches=batches,
        item_start="random",  # which leaves the item table as it is
        learning_rate_decay="cosine",
        callbacks=callbacks,
        seed=seed,
    )
    model.optimizer.learning_rate = highest
