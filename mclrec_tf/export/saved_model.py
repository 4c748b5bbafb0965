"""The trained model as a SavedModel that stock TensorFlow Serving loads and serves.

Raw item ids go in and come out. Names, shapes and meaning of the signatures are a contract with
`serving`; see `export_savedmodel`.
"""

import os
import tempfile
from collections.abc import Sequence

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole, path_text
from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.ranks import seen_items, target_ranks
from mclrec_tf.evaluation.recommended_lists import best_items, repeats
from mclrec_tf.export.checksums import write_checksums
from mclrec_tf.export.signature_inputs import (
    examples_input,
    exclude_input,
    history_input,
    history_width,
    k_input,
    keep_seen_input,
)
from mclrec_tf.export.warmup_requests import write_warmup_requests
from mclrec_tf.layers.padded_history import without_gaps
from mclrec_tf.models.sequential_recommender import SequentialRecommender

LOWEST_SCORE = tf.float32.min
"""Score of a rank that no item fills; its item id is ""."""


class ExportedModel:
    """The functions behind the signatures, and the table of raw item ids they share.

    Args:
        model: The trained model.
        vocabulary: Path of a text file, one raw item id a line; line i (from 0) is id i + 1.
        k: Items `serving_default` and `rank_examples` return.
    """

    def __init__(self, model: SequentialRecommender, vocabulary: str, k: int) -> None:
        self.model = model
        self.k = min(k, model.num_items)
        self.width = history_width(model.encoder.max_length)
        line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.id_of = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary, tf.string, line, tf.int64, number), -1
        )
        self.name_of = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary, tf.int64, number, tf.string, line), ""
        )

    def serving_default(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        """The k best items that are not in the history."""
        ids = self._known_ids(history_input(history, self.width))
        scores = tf.where(self._seen(ids), LOWEST_SCORE, self.model.scores(ids))
        return {**self._best(scores, tf.constant(self.k)), "known_items": _known_items(ids)}

    def recommend(
        self, history: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor, keep_seen: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The best items with options, each row its own."""
        history = history_input(history, self.width)
        exclude = exclude_input(exclude, history)
        k = k_input(k, history)
        keep_seen = keep_seen_input(keep_seen, history)
        ids = self._known_ids(history)
        seen = self._seen(ids) & ~keep_seen[:, None]
        out = seen | self._seen(self._ids(exclude))
        scores = tf.where(out, LOWEST_SCORE, self.model.scores(ids))
        k = tf.minimum(k, self.model.num_items)
        best = self._best(scores, tf.reduce_max(tf.concat([k, [0]], 0)))
        within_k = tf.range(tf.shape(best["scores"])[1])[None] < k[:, None]
        return {
            "item_ids": tf.where(within_k, best["item_ids"], ""),
            "scores": tf.where(within_k, best["scores"], LOWEST_SCORE),
            "known_items": _known_items(ids),
        }

    def rank_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Ranks of the targets, by the model and by the baselines, and the k best items.

        Beside them, how many of the best of all items the history holds. A target that the
        catalogue does not hold ranks behind every item.
        """
        features = tf.io.parse_example(
            examples_input(examples),
            {
                "history": tf.io.RaggedFeature(tf.string),
                "target": tf.io.FixedLenFeature([], tf.string, default_value=""),
            },
        )
        # Not without a column, which no model can read, when every history is empty.
        history = tf.pad(features["history"].to_tensor(""), [[0, 0], [0, 1]])
        ids = self._known_ids(history)
        targets = self._ids(features["target"])
        seen = self._seen(ids)
        scores = self.model.scores(ids)
        outputs = self._best(tf.where(seen, LOWEST_SCORE, scores), tf.constant(self.k))
        num_items = self.model.num_items
        for prefix, its_scores in (
            ("", scores),
            ("popularity_", Popularity(num_items)(ids)),
            ("recency_", Recency(num_items)(ids)),
        ):
            for policy, ranks in target_ranks(its_scores, targets, ids)._asdict().items():
                outputs[f"{prefix}{policy}_rank"] = tf.where(targets > 0, ranks, num_items + 1)
        counts = tf.unstack(repeats(best_items(scores, ids, max(CUTOFFS)).all_items, ids), axis=1)
        return outputs | {
            f"repeats_at_{cutoff}": count for cutoff, count in zip(CUTOFFS, counts, strict=True)
        }

    def user_vector(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's vector of each history; 0 for an empty one."""
        return {
            "vector": self.model.user_vectors(self._known_ids(history_input(history, self.width)))
        }

    def _ids(self, names: tf.Tensor) -> tf.Tensor:
        """Ids of raw item ids; 0, the padding, for unknown ones and for ""."""
        return tf.cast(self.id_of.lookup(names) + 1, tf.int32)

    def _known_ids(self, names: tf.Tensor) -> tf.Tensor:
        """Ids of histories with unknown items dropped, right-padded with 0."""
        return without_gaps(self._ids(names))

    def _seen(self, ids: tf.Tensor) -> tf.Tensor:
        return seen_items(ids, self.model.num_items)

    def _best(self, scores: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        values, ids = tf.math.top_k(scores, k)
        names = self.name_of.lookup(tf.cast(ids, tf.int64) - 1)
        filled = values > LOWEST_SCORE
        return {
            "item_ids": tf.where(filled, names, ""),
            "scores": tf.where(filled, values, LOWEST_SCORE),
        }


def _known_items(ids: tf.Tensor) -> tf.Tensor:
    return tf.math.count_nonzero(ids, axis=1, dtype=tf.int32)


def export_savedmodel(
    model: SequentialRecommender,
    path: str | os.PathLike[str],
    vocabulary: str | os.PathLike[str] | Sequence[str],
    k: int = 100,
) -> None:
    """Writes the model, its catalogue, warm-up requests and checksums as a SavedModel.

    Signatures, with B the batch, K = min(k, |I|), and H as many items as the model reads,
    `encoder.max_length`, but at least 50:

    - `serving_default`: history string `[B, H]` → item_ids string `[B, K]`, scores float32
      `[B, K]`, known_items int32 `[B]`; items of the history are never recommended.
    - `recommend`: history `[B, H]`, exclude string `[B, E]`, k int32 `[B]`, at least 1,
      keep_seen bool `[B]` → item_ids and scores `[B, max k]`, known_items `[B]`.
    - `rank_examples`: examples string `[B]`, serialised `tf.train.Example`s with history (any
      length) and target → item_ids and scores `[B, K]`, and six ranks int64 `[B]`:
      `all_items_rank` and `unseen_items_rank` of the model, and of the baselines under the
      prefixes `popularity_` and `recency_`; and `repeats_at_{5,10,20}` int32 `[B]`, how many
      items of the history are among the model's best of all items.
    - `user_vector`: history `[B, H]` → vector float32 `[B, d]`.

    Histories are oldest first, right-padded with "". The model reads the most recent
    `encoder.max_length` items of them; all of them count as seen. Items that the catalogue does
    not hold are dropped; an empty history gets the popularity ranking. known_items counts those
    of the whole history that it does hold, each as often as it comes: with 0, nothing of the
    history went into the answer. Ranks that no item fills have item id "" and the lowest float32
    as score. What does not fit a signature fails with the name of the input.

    Args:
        model: The trained model.
        path: Folder to write; must not exist yet, or be empty.
        vocabulary: The raw item ids by id, or the path of a text file that has one a line.
        k: Items returned by `serving_default` and `rank_examples`.

    Raises:
        FileExistsError: `path` is a file, or a folder that is not empty.
        ValueError: The vocabulary does not have one entry an item, k is below 1, or the model
            reads more than 1,000 items.
    """
    path = path_text("path", path)
    check_whole(1, k=k)
    _check_new(path)
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(vocabulary, (str, os.PathLike)):
            vocabulary = os.fspath(vocabulary)
        else:
            vocabulary = _write_vocabulary(os.path.join(folder, "items"), vocabulary)
        with tf.io.gfile.GFile(vocabulary, "rb") as lines:
            count = sum(1 for _ in lines)
        if count != model.num_items:
            raise ValueError(
                f"vocabulary: {count} item ids, but the model has {model.num_items} items."
            )
        exported = ExportedModel(model, vocabulary, k)
        archive = keras.export.ExportArchive()
        archive.track(exported.id_of)
        archive.track(exported.name_of)
        names = tf.TensorSpec([None, exported.width], tf.string)
        archive.add_endpoint("serving_default", exported.serving_default, [names])
        archive.add_endpoint(
            "recommend",
            exported.recommend,
            [
                names,
                tf.TensorSpec([None, None], tf.string),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.bool),
            ],
        )
        archive.add_endpoint(
            "rank_examples", exported.rank_examples, [tf.TensorSpec([None], tf.string)]
        )
        archive.add_endpoint("user_vector", exported.user_vector, [names])
        archive.write_out(path, verbose=False)
        write_warmup_requests(path, vocabulary, exported.width)
        write_checksums(path)


def _check_new(path: str) -> None:
    """An empty folder may be there: who runs a training may have made it."""
    if not tf.io.gfile.exists(path):
        return
    if not tf.io.gfile.isdir(path):
        raise FileExistsError(f"{path}: is a file. Give the name of a new folder, or remove it.")
    if tf.io.gfile.listdir(path):
        raise FileExistsError(
            f"{path}: exists already. Give the name of a new folder, for example of the next "
            "version, or remove it."
        )


def _write_vocabulary(path: str, names: Sequence[str]) -> str:
    for index, name in enumerate(names):
        if not name or "\n" in name or "\r" in name:
            raise ValueError(
                f"vocabulary[{index}] is {name!r}: an item id must not be empty or hold a line "
                "break."
            )
    with tf.io.gfile.GFile(path, "w") as file:
        file.write("".join(f"{name}\n" for name in names))
    return path
