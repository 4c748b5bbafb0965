"""A trained model, and what it ranks without an export, a pipeline or a server."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.batches import training_batches
from mclrec_tf.data.histories import HeldOut, leave_one_out
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.evaluation.offline import rank_targets
from mclrec_tf.evaluation.ranks import Ranks
from serving.client import HISTORY_LENGTH, Recommendation

_TOLERANCE = 1e-4  # TensorFlow adds up the numbers of another batch in another order


@dataclass
class TrainedModel:
    """A model with the raw ids of its items, and a test case of each user of its log."""

    model: MCLRec
    item_ids: list[str]
    test: HeldOut
    _scores: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """How many items of a history an export of the model takes."""
        return max(self.model.encoder.max_length, HISTORY_LENGTH)

    @cached_property
    def ranks(self) -> Ranks:
        """The rank of each user's test item, by the offline evaluation."""
        return rank_targets(self.model, *self.test)

    @cached_property
    def targets(self) -> list[str]:
        """The raw test item of each user."""
        return self._names(self.test.targets)

    @cached_property
    def histories(self) -> list[list[str]]:
        """The raw history of each user."""
        return [self._names(history) for history in self.test.histories]

    def check(
        self,
        histories: Sequence[Sequence[str]],
        answers: Sequence[Sequence[Recommendation]],
        k: int,
        exclude: Sequence[Sequence[str]] | None = None,
        keep_seen: bool = False,
        candidates: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """Fails unless each answer holds the k best items that are wanted, with their scores.

        Two items whose scores are equal but for rounding may stand in either order.
        """
        assert len(answers) == len(histories)
        self._score(histories)
        unwanted = exclude or [[]] * len(histories)
        among = candidates or [self.item_ids] * len(histories)
        for history, out, those, answer in zip(histories, unwanted, among, answers, strict=True):
            row = np.full_like(self._scores[tuple(history)], -np.inf)
            row[self._ids(those)] = self._scores[tuple(history)][self._ids(those)]
            row[self._ids([*out, *(() if keep_seen else history)])] = -np.inf
            ids = self._ids([item for item, _ in answer])
            assert len(set(ids)) == len(answer) == min(k, np.isfinite(row).sum())
            found = [score for _, score in answer]
            assert found == sorted(found, reverse=True)
            np.testing.assert_allclose(found, row[ids], rtol=_TOLERANCE, atol=_TOLERANCE)
            row[ids] = -np.inf
            assert not answer or row.max() <= found[-1] + _TOLERANCE * max(1, abs(found[-1]))

    def _names(self, ids: Sequence[int]) -> list[str]:
        return [self.item_ids[item - 1] for item in ids]

    def _ids(self, names: Sequence[str]) -> list[int]:
        """Ids of the items that the catalogue has, in their order."""
        return [self._id_of[name] for name in names if name in self._id_of]

    @cached_property
    def _id_of(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.item_ids, start=1)}

    def _score(self, histories: Sequence[Sequence[str]]) -> None:
        """Scores the histories that are new."""
        new = sorted({tuple(history) for history in histories} - self._scores.keys())
        if new:
            read = [self._ids(history[-self.width :]) for history in new]
            padded = keras.utils.pad_sequences(read, self.width, padding="post")
            scores = self.model(tf.constant(padded)).numpy()
            scores[:, 0] = -np.inf  # the padding is no item
            self._scores.update(zip(new, scores, strict=True))


def trained_model(log: Path, epochs: int, dim: int, max_length: int = 50) -> TrainedModel:
    """A small encoder after a few epochs, or with random weights when there are none."""
    interactions = load_interactions(str(log))
    splits = leave_one_out(interactions.histories)
    keras.utils.set_random_seed(0)
    model = MCLRec(SASRec(len(interactions.item_ids), dim=dim, num_layers=1, max_length=max_length))
    random = np.random.default_rng(0)
    for weight in model.encoder_weights:
        weight.assign(weight + random.normal(scale=0.1, size=weight.shape))
    if epochs:
        model.compile(keras.optimizers.Adam(0.005), keras.optimizers.Adam(0.001))
        model.fit(training_batches(splits.train, max_length), epochs=epochs, verbose=0)
    return TrainedModel(model, interactions.item_ids, splits.test)
