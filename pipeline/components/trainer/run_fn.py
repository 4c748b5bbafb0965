"""`run_fn`, which TFX's Trainer calls: from transformed Examples to a SavedModel."""

import json
import os

import keras
import keras_tuner
import tensorflow as tf
from rich.console import Console
from tfx.components.trainer.fn_args_utils import FnArgs

import mclrec_tf
from mclrec_tf.export.saved_model import export_savedmodel
from mclrec_tf.models.architecture import ArchitectureMismatchError, architecture
from mclrec_tf.models.count_weights import FittedWeights
from mclrec_tf.models.presets import get_preset
from mclrec_tf.models.warm_start import warm_start
from pipeline.components.item_features.catalogue_graph import read_item_features
from pipeline.components.trainer.custom_config import TrainerConfig
from pipeline.components.trainer.fit import fit, model_of, read_training_data
from pipeline.components.trainer.learned_views import write_learned_views
from pipeline.components.trainer.outcome import Outcome, write_outcome
from pipeline.components.transform.preprocessing import VOCABULARY
from pipeline.components.transform.vocabulary import item_ids, vocabulary_file, vocabulary_size
from pipeline.components.tuner.search_space import with_values
from pipeline.settings import from_json

KERAS_FILE = "model.keras"
HISTORY_FILE = "history.json"


def run_fn(fn_args: FnArgs) -> None:
    """Trains a model and exports it.

    A training that was killed resumes from its backup when it is started again with the same inputs
    and settings. The hyperparameters of a Tuner, if there are any, replace those of the settings.
    If there is a base model, training begins with its weights. Its vocabulary may differ; if its
    architecture does, training begins from scratch and says so.

    It writes the SavedModel to `serving_model_dir` and `model.keras` beside it. To `model_run_dir`
    it writes TensorBoard's logs, `history.json` with the logs of every epoch, what the model was
    trained with, and the learned views of a sample of validation users.

    Args:
        fn_args: TFX's arguments. `custom_config` is a `TrainerConfig`.

    Raises:
        FileNotFoundError: A split has no files, or Transform's output has no vocabulary.
    """
    config = from_json(TrainerConfig, fn_args.custom_config)
    settings, training = config.model, config.training
    if fn_args.hyperparameters:
        found = keras_tuner.HyperParameters.from_config(fn_args.hyperparameters)
        settings, training = with_values(found.values, settings, training)
    keras.utils.set_random_seed(training.seed)

    vocabulary = vocabulary_file(fn_args.transform_output)
    data = read_training_data(fn_args.train_files, fn_args.eval_files)
    num_items = vocabulary_size(fn_args.transform_output)
    features = read_item_features(fn_args.transform_output, data.train)
    model = model_of(num_items, settings, training, data.train, features)
    goes_on = fn_args.base_model and _goes_on_from(fn_args.base_model, model, vocabulary)
    state = config.backup(
        *(fn_args.train_files, fn_args.eval_files, fn_args.transform_output),
        *(fn_args.hyperparameters, fn_args.base_model),
        # A later version may make something else of the same settings.
        architecture(model.encoder),
        repr(get_preset(settings.preset)),
    )
    logs = keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False)
    item_start = "random" if goes_on else settings.item_start
    stopping, counts = fit(model, data, training, state, item_start, [logs])
    if counts is not None:
        _tell(counts)

    with tf.io.gfile.GFile(os.path.join(fn_args.model_run_dir, HISTORY_FILE), "w") as file:
        json.dump(stopping.history, file, indent=1)
    write_outcome(fn_args.model_run_dir, Outcome(settings, training, stopping.best_epoch + 1))
    if model.objective.uses_augmenters:
        write_learned_views(fn_args.model_run_dir, model, data.validation.histories)
    model.save(keras_path(fn_args.serving_model_dir))
    if tf.io.gfile.exists(fn_args.serving_model_dir):  # an attempt that was killed has left it
        tf.io.gfile.rmtree(fn_args.serving_model_dir)
    export_savedmodel(model, fn_args.serving_model_dir, vocabulary)
    stopping.discard()


def keras_path(serving_model_dir: str) -> str:
    """The path of the Keras file of a SavedModel, which is beside it.

    Args:
        serving_model_dir: The folder of the SavedModel.
    """
    return os.path.join(os.path.dirname(serving_model_dir.rstrip("/")), KERAS_FILE)


def _tell(counts: FittedWeights) -> None:
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in counts.weights.items())
    likelier = f"log-likelihood {counts.before:.4f} to {counts.log_likelihood:.4f}"
    _console().print(f"       weights of the counts: {weights}; {likelier}")


def _console() -> Console:
    return Console(highlight=False, markup=False, soft_wrap=True)


def _goes_on_from(base_model: str, model: mclrec_tf.MCLRec, vocabulary: str) -> bool:
    """Whether the model now has what an earlier one has learned."""
    console = _console()
    if not tf.io.gfile.exists(keras_path(base_model)):
        # Without resolvers, an artifact without a file stands for no model. A model that should be
        # there but is gone was reported before: by `PreviousRun`, or before a local run started.
        console.print(f"       starts from scratch: no model was kept at {keras_path(base_model)}")
        return False
    previous = keras.models.load_model(keras_path(base_model))
    # The ids of the earlier model are those of the vocabulary in its export.
    earlier = os.path.join(base_model, "assets", VOCABULARY)
    items = item_ids(vocabulary)
    try:
        known = warm_start(model, previous, items, item_ids(earlier))
    except ArchitectureMismatchError as error:
        console.print(
            f"       starts from scratch, not from {base_model}: {error.difference}. To go on from "
            "it, give the settings of that model."
        )
        return False
    console.print(f"       goes on from {base_model}, which knows {known} of {len(items)} items")
    return True
