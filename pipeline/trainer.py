"""TFX's Trainer calls `run_fn` here: transformed Examples in, SavedModel out."""

import hashlib
import json
import os
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx

import mclrec_tf
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.early_stopping import ResumableEarlyStopping
from mclrec_tf.encoders import ENCODERS
from mclrec_tf.export import export_savedmodel
from pipeline.preprocessing import VOCABULARY
from pipeline.settings import ModelSettings, TrainingSettings
from pipeline.training_progress import TrainingProgress
from pipeline.transformed_examples import append_targets, read_split

KERAS_FILE = "model.keras"
HISTORY_FILE = "history.json"


def run_fn(fn_args: tfx.components.FnArgs) -> None:
    """Trains a model and exports it.

    `custom_config` holds the fields of `ModelSettings` ("model") and `TrainingSettings`
    ("training"), and "backup_directory": a training that was killed goes on from there when it
    is started again with the same inputs and settings.

    Writes the SavedModel to `serving_model_dir`, `model.keras` beside it, and to `model_run_dir`
    TensorBoard's logs and `history.json`, the logs of every epoch.
    """
    settings = ModelSettings(**fn_args.custom_config["model"])
    training = TrainingSettings(**fn_args.custom_config["training"])
    keras.utils.set_random_seed(training.seed)

    transform = tft.TFTransformOutput(fn_args.transform_output)
    train = append_targets(*read_split(fn_args.train_files))
    histories, targets = read_split(fn_args.eval_files)
    model = build_model(transform.vocabulary_size_by_name(VOCABULARY), settings, training)

    stopping = ResumableEarlyStopping(
        _backup_directory(fn_args), training.monitor, training.patience, training.epochs
    )
    epochs_done = stopping.restore(model)
    if stopping.is_finished:
        stopping.restore_best()
    else:
        model.fit(
            training_batches(
                train,
                max_length=settings.max_length,
                batch_size=training.batch_size,
                schedule=training.schedule,
                seed=training.seed,
                first_epoch=epochs_done,
            ),
            initial_epoch=epochs_done,
            epochs=training.epochs,
            validation_data=evaluation_batches(histories, targets),
            callbacks=[
                TrainingProgress(training.monitor, training.epochs, stopping.best_so_far),
                keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False),
                stopping,
            ],
            verbose=0,
        )

    with tf.io.gfile.GFile(os.path.join(fn_args.model_run_dir, HISTORY_FILE), "w") as file:
        json.dump(stopping.history, file, indent=1)
    model.save(keras_path(fn_args.serving_model_dir))
    vocabulary = transform.vocabulary_file_by_name(VOCABULARY)
    if vocabulary is None:
        raise FileNotFoundError(f"{fn_args.transform_output} has no vocabulary {VOCABULARY}")
    export_savedmodel(model, fn_args.serving_model_dir, vocabulary)
    stopping.discard()


def build_model(
    num_items: int, settings: ModelSettings, training: TrainingSettings
) -> mclrec_tf.MCLRec:
    """The compiled model that the settings describe."""
    shape: dict[str, Any] = {
        "num_items": num_items,
        "dim": settings.dim,
        "max_length": settings.max_length,
        "num_layers": settings.num_layers,
        "dropout": settings.dropout,
    }
    if settings.encoder != "gru4rec":
        shape["num_heads"] = settings.num_heads
    encoder = ENCODERS[settings.encoder](**shape)
    model = mclrec_tf.MCLRec(
        encoder,
        preset=settings.preset,
        lambda_=settings.lambda_,
        beta=settings.beta,
        seed=training.seed,
    )
    model.compile(
        optimizer=keras.optimizers.Adam(
            training.learning_rate, use_ema=training.ema > 0, ema_momentum=training.ema
        ),
        augmenter_optimizer=keras.optimizers.Adam(training.augmenter_learning_rate),
    )
    return model


def keras_path(serving_model_dir: str) -> str:
    """Where the Keras file of a SavedModel lies: beside it."""
    return os.path.join(os.path.dirname(serving_model_dir.rstrip("/")), KERAS_FILE)


def _backup_directory(fn_args: tfx.components.FnArgs) -> str:
    """The same folder for the same inputs and settings, another one for others."""
    inputs = [fn_args.train_files, fn_args.eval_files, fn_args.transform_output]
    identity = json.dumps([inputs, fn_args.custom_config], sort_keys=True)
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return os.path.join(fn_args.custom_config["backup_directory"], name)
