"""A model that was evaluated learns from what was held out, and nothing else of it changes."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mclrec_tf import ItemCounts, NextItemModel, SASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.models.refit import refit, refit_epochs
from mclrec_tf.training.early_stopping import ResumableEarlyStopping

pytestmark = pytest.mark.usefixtures("eager")

KNOWN = Histories.from_lists([[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]])
EVERY = Histories.from_lists([[1, 2, 3, 4], [2, 3, 1, 4], [3, 1, 2, 4], [1, 2, 3, 4]])
ITEMS, OTHER_ORDER = ["a", "b", "c", "d"], ["d", "c", "b", "a"]


def model(histories: Histories) -> NextItemModel:
    keras.utils.set_random_seed(0)
    counts = ItemCounts.from_histories(histories, 4)
    made = NextItemModel(SASRec(4, dim=8, num_layers=1, dropout=0.0), counts=counts)
    made.compile(keras.optimizers.Adam(0.02))
    return made


@pytest.fixture(scope="module")
def evaluated() -> NextItemModel:
    made = model(KNOWN)
    assert made.counts is not None
    made.counts.feature_weights.assign(np.arange(6, dtype=np.float32))
    return made


def refitted(evaluated: NextItemModel, folder: Path) -> NextItemModel:
    other = np.array([0, 4, 3, 2, 1], np.int32)
    every = Histories(other[EVERY.items], EVERY.row_splits)
    made = model(every)
    stopping = ResumableEarlyStopping(folder, monitor=None, epochs=8)
    refit(made, evaluated, OTHER_ORDER, ITEMS, every, stopping)
    return made


def test_it_learns_the_events_that_were_held_out(evaluated: NextItemModel, tmp_path: Path) -> None:
    before = [weight.copy() for weight in evaluated.get_weights()]
    made = refitted(evaluated, tmp_path)
    likely = keras.ops.softmax(made.encoder_scores(np.array([[4, 3, 2]], np.int32))[:, 1:])
    unlikely = keras.ops.softmax(evaluated.encoder_scores(np.array([[1, 2, 3]], np.int32))[:, 1:])
    assert float(likely[0, 0]) > float(unlikely[0, 3]) + 0.1  # d, of which it had seen nothing
    for mine, earlier in zip(evaluated.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, earlier)


def test_it_keeps_its_learning_rate_and_the_weights_of_its_counts(
    evaluated: NextItemModel, tmp_path: Path
) -> None:
    made = refitted(evaluated, tmp_path)
    assert made.counts is not None
    assert float(made.optimizer.learning_rate) == pytest.approx(0.02)
    np.testing.assert_array_equal(made.counts.feature_weights, np.arange(6))


def test_epochs_are_a_fifth_of_the_best_ones_and_at_least_one() -> None:
    assert [refit_epochs(best) for best in (1, 2, 8, 14, 40)] == [1, 1, 2, 3, 8]


def test_without_a_number_of_epochs_it_would_never_end(
    evaluated: NextItemModel, tmp_path: Path
) -> None:
    stopping = ResumableEarlyStopping(tmp_path, monitor=None)
    with pytest.raises(ValueError, match="stopping must have epochs"):
        refit(model(EVERY), evaluated, ITEMS, ITEMS, EVERY, stopping)
