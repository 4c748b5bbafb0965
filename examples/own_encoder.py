"""An encoder of one's own, trained with MCLRec on the built-in sample.

    python examples/own_encoder.py [--rule joint] [--events 20000] [--epochs 5]

All that MCLRec needs of an encoder is a vector for every position of a history, made of that
position and the ones before it. The rest comes with it: training on every next item in one pass,
stochastic and learned views, every update rule, evaluation, saving, export.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from mclrec_tf import MCLRec, SequenceEncoder
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.data.histories import leave_one_out
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.data.sample.sample_log import write_sample
from mclrec_tf.training.update_rules import UPDATE_RULES

METRIC = "unseen_items_ndcg_at_10"


@keras.saving.register_keras_serializable("own_encoder")  # so that a saved model finds it
class FadingMean(SequenceEncoder):
    """The mean of the items so far, in which older ones fade: each of the d features at its pace.

    An item j positions back weighs exp(−j·r); r > 0 is learned for each feature.
    """

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)  # the item table
        self.rate = self.add_weight(shape=(self.dim,), initializer="zeros", name="rate")
        self.project = keras.layers.Dense(self.dim, name="project")
        self.project.build((None, None, self.dim))

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        position = tf.range(tf.shape(ids)[1])
        back = tf.cast(position[:, None] - position, tf.float32)[:, :, None]
        fading = tf.exp(-tf.abs(back) * tf.nn.softplus(self.rate))  # [L, L, d]
        fading = tf.where(back >= 0, fading, 0.0)  # what comes later is not read
        # Padding and masked items are 0 and not to be read.
        real = tf.cast(ids > 0, tf.float32)
        items = self.item_embedding(ids) * real[:, :, None]
        total = tf.einsum("pqd,bqd->bpd", fading, items)
        weight = tf.einsum("pqd,bq->bpd", fading, real)
        return self.project(tf.math.divide_no_nan(total, weight))


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description="Trains an encoder of one's own on the sample.")
    parser.add_argument("--rule", default="alternating", choices=sorted(UPDATE_RULES))
    parser.add_argument("--events", type=int, default=20_000, help="size of the sample")
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args(arguments)
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}.")
    with tempfile.TemporaryDirectory() as folder:
        log = str(Path(folder, "sample.csv"))
        try:
            write_sample(log, options.events)
        except ValueError as error:
            parser.error(f"--events: {error}")
        data = load_interactions(log)
    train, validation, test = leave_one_out(data.histories)

    keras.utils.set_random_seed(0)
    model = MCLRec(FadingMean(len(data.item_ids)), beta=0.01, update_rule=options.rule, seed=0)
    model.compile(keras.optimizers.Adam(0.01), augmenter_optimizer=keras.optimizers.Adam(0.001))
    model.fit(
        training_batches(train),
        validation_data=evaluation_batches(*validation),
        epochs=options.epochs,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=show)],
        verbose=0,
    )
    results = model.evaluate(evaluation_batches(*test), return_dict=True, verbose=0)
    print(f"test: NDCG@10 {results[METRIC]:.4f}")
    return results


def show(epoch: int, logs: dict[str, float]) -> None:
    print(f"epoch {epoch + 1}: loss {logs['loss']:.3f}, NDCG@10 {logs[f'val_{METRIC}']:.4f}")


if __name__ == "__main__":
    main()
