"""Lets the evaluated model go on over every event, with the settings of its training."""

import keras

import mclrec_tf
from mclrec_tf.data.item_features import ItemFeatures
from mclrec_tf.models.refit import refit
from mclrec_tf.training.early_stopping import ResumableEarlyStopping
from pipeline.components.refit.every_event import EveryEvent
from pipeline.components.trainer.fit import batches_of, model_of
from pipeline.components.trainer.outcome import Outcome
from pipeline.components.trainer.training_progress import TrainingProgress


def trained_on(
    every: EveryEvent,
    evaluated: mclrec_tf.MCLRec,
    evaluated_items: list[str],
    outcome: Outcome,
    item_features: ItemFeatures | None,
    stopping: ResumableEarlyStopping,
) -> mclrec_tf.MCLRec:
    """What `mclrec_tf.models.refit` makes of an evaluated model.

    Args:
        every: All events. Their catalogue is that of the model that is made.
        evaluated: The model that was evaluated. It stays as it is.
        evaluated_items: The raw ids of its items, by id from 1.
        outcome: What it was trained with.
        item_features: The features of its items, if they have any.
        stopping: Without a monitor; keeps the state of a training that is killed.
    """
    training = outcome.training
    keras.utils.set_random_seed(training.seed)
    if item_features is not None:
        num_cold = len(every.items) - int(every.histories.items.max(initial=0))
        item_features = item_features.take(every.order, num_cold)
    model = model_of(len(every.items), outcome.model, training, every.histories, item_features)
    refit(
        model,
        evaluated,
        every.items,
        evaluated_items,
        every.histories,
        stopping,
        batches=batches_of(every.histories, model, training),
        callbacks=[TrainingProgress(stopping)],
        seed=training.seed,
    )
    return model
