"""A small model with the signatures of an export, for tests that need no training.

Scores are the dot product of an item's vector with the mean of the history's; the catalogue is in
order of popularity.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from mclrec_tf.export.checksums import write_checksums

HISTORY_LENGTH = 50
LOWEST = tf.float32.min


class StandIn(tf.Module):
    """A recommender of the items of a vocabulary file.

    Args:
        vocabulary: Path of a text file, an item id a line, the most popular first.
        num_items: Its number of lines.
        k: How many items `serving_default` returns.
        seed: Of the items' vectors: models of different seeds rank differently.
    """

    def __init__(self, vocabulary: str, num_items: int, k: int, seed: int):
        super().__init__()
        line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.row_of = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary, tf.string, line, tf.int64, number), -1
        )
        self.item_of = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary, tf.int64, number, tf.string, line), ""
        )
        self.vectors = tf.Variable(
            np.random.default_rng(seed).normal(size=(num_items, 8)), dtype=tf.float32
        )
        self.k = min(k, num_items)
        self.num_items = num_items

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        history = tf.TensorSpec([None, HISTORY_LENGTH], tf.string, name="history")
        k = tf.TensorSpec([None], tf.int32, name="k")
        options = (
            tf.TensorSpec([None, None], tf.string, name="exclude"),
            k,
            tf.TensorSpec([None], tf.bool, name="keep_seen"),
        )
        recommend = (history, *options)
        among = (
            history,
            tf.TensorSpec([None, None], tf.string, name="candidates"),
            tf.TensorSpec([None], tf.string, name="candidate_set"),
            *options,
        )
        similar = (tf.TensorSpec([None], tf.string, name="item"), k)
        examples = tf.TensorSpec([None], tf.string, name="examples")
        return {
            "serving_default": tf.function(self.serving_default).get_concrete_function(history),
            "recommend": tf.function(self.recommend).get_concrete_function(*recommend),
            "recommend_among": tf.function(self.recommend_among).get_concrete_function(*among),
            "similar_items": tf.function(self.similar_items).get_concrete_function(*similar),
            "rank_examples": tf.function(self.rank_examples).get_concrete_function(examples),
            "user_vector": tf.function(self.user_vector).get_concrete_function(history),
        }

    def serving_default(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        best = self.best(self.scores(history), self.mask(history), tf.constant(self.k))
        return {**best, "known_items": self.known_items(history)}

    def recommend(
        self, history: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor, keep_seen: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        unwanted = self.mask(exclude) | (self.mask(history) & ~keep_seen[:, None])
        best = self.best_k(self.scores(history), unwanted, k)
        return {**best, "known_items": self.known_items(history)}

    def recommend_among(
        self,
        history: tf.Tensor,
        candidates: tf.Tensor,
        candidate_set: tf.Tensor,
        exclude: tf.Tensor,
        k: tf.Tensor,
        keep_seen: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Its only item set is "odd places", every second item of the catalogue."""
        of_set = (candidate_set == "odd places")[:, None] & (tf.range(self.num_items) % 2 == 0)
        unwanted = self.mask(exclude) | (self.mask(history) & ~keep_seen[:, None])
        unwanted |= ~(self.mask(candidates) | of_set)
        best = self.best_k(self.scores(history), unwanted, k)
        return {**best, "known_items": self.known_items(history)}

    def similar_items(self, item: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        row = self.row_of.lookup(item)
        units = tf.math.l2_normalize(self.vectors, axis=1)
        cosines = tf.matmul(tf.gather(units, tf.maximum(row, 0)), units, transpose_b=True)
        unwanted = self.mask(item[:, None]) | (row < 0)[:, None]
        return {**self.best_k(cosines, unwanted, k), "known_items": self.known_items(item[:, None])}

    def rank_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = tf.io.parse_example(
            examples,
            {
                "history": tf.io.RaggedFeature(tf.string),
                "target": tf.io.FixedLenFeature([], tf.string),
            },
        )
        history = features["history"].to_tensor("")
        scores = self.scores(history)
        target = tf.maximum(self.row_of.lookup(features["target"]), 0)
        rank = 1 + tf.reduce_sum(
            tf.cast(scores > tf.gather(scores, target, batch_dims=1)[:, None], tf.int64), 1
        )
        ranks = {
            f"{ranking}{policy}_rank": rank
            for ranking in ("", "popularity_", "recency_")
            for policy in ("all_items", "unseen_items")
        }
        repeats = tf.zeros(tf.shape(examples), tf.int32)
        return {
            **ranks,
            **{f"repeats_at_{cutoff}": repeats for cutoff in (5, 10, 20)},
            **self.best(scores, self.mask(history), tf.constant(self.k)),
            "known_items": self.known_items(history),
        }

    def user_vector(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        known = tf.cast(self.row_of.lookup(history) >= 0, tf.float32)[:, :, None]
        vectors = tf.gather(self.vectors, tf.maximum(self.row_of.lookup(history), 0))
        return {
            "vector": tf.math.divide_no_nan(
                tf.reduce_sum(known * vectors, 1), tf.reduce_sum(known, 1)
            )
        }

    def known_items(self, history: tf.Tensor) -> tf.Tensor:
        return tf.math.count_nonzero(self.row_of.lookup(history) >= 0, 1, dtype=tf.int32)

    def scores(self, history: tf.Tensor) -> tf.Tensor:
        popularity = -tf.range(self.num_items, dtype=tf.float32)
        vector = self.user_vector(history)["vector"]
        known = tf.reduce_any(self.row_of.lookup(history) >= 0, 1)[:, None]
        return tf.where(known, tf.matmul(vector, self.vectors, transpose_b=True), popularity)

    def mask(self, items: tf.Tensor) -> tf.Tensor:
        rows = self.row_of.lookup(items)[:, :, None]
        return tf.reduce_any(rows == tf.range(self.num_items, dtype=tf.int64), 1)

    def best_k(self, scores: tf.Tensor, unwanted: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        k = tf.minimum(k, self.num_items)
        best = self.best(scores, unwanted, tf.reduce_max(k))
        asked = tf.range(tf.reduce_max(k))[None] < k[:, None]
        return {
            "item_ids": tf.where(asked, best["item_ids"], ""),
            "scores": tf.where(asked, best["scores"], LOWEST),
        }

    def best(self, scores: tf.Tensor, unwanted: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        values, rows = tf.math.top_k(tf.where(unwanted, LOWEST, scores), k)
        items = self.item_of.lookup(tf.cast(rows, tf.int64))
        return {"item_ids": tf.where(values > LOWEST, items, ""), "scores": values}


class EarlierVersion(StandIn):
    """As exports were before they counted the known items and answered among candidates."""

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        signatures = super().signatures()
        del signatures["recommend_among"], signatures["similar_items"]

        def uncounted(name: str) -> tf.types.experimental.ConcreteFunction:
            function, specs = getattr(self, name), signatures[name].structured_input_signature[0]

            def without(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
                outputs = function(*inputs)
                del outputs["known_items"]
                return outputs

            return tf.function(without).get_concrete_function(*specs)

        counted = ("serving_default", "recommend", "rank_examples")
        return {**signatures, **{name: uncounted(name) for name in counted}}


def write_export(
    path: Path,
    items: Sequence[str],
    k: int = 100,
    seed: int = 0,
    model_type: type[StandIn] = StandIn,
) -> Path:
    """Writes a model and its warm-up requests, as the pipeline's exports have them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    vocabulary = path.parent / "items"
    vocabulary.write_text("".join(f"{item}\n" for item in items))
    model = model_type(str(vocabulary), len(items), k, seed)
    signatures = model.signatures()
    tf.saved_model.save(model, str(path), signatures=signatures)
    vocabulary.unlink()
    write_warmup_requests(path, set(signatures))
    write_checksums(str(path))
    return path


def write_warmup_requests(path: Path, signatures: set[str]) -> None:
    history = tf.fill([1, HISTORY_LENGTH], "")
    example = tf.train.Example()
    example.features.feature["history"].bytes_list.value.append(b"")
    example.features.feature["target"].bytes_list.value.append(b"")
    k = tf.constant([1])
    options = {
        "history": history,
        "exclude": tf.constant([[""]]),
        "k": k,
        "keep_seen": tf.constant([False]),
    }
    requests = {
        "serving_default": {"history": history},
        "recommend": options,
        "recommend_among": {
            **options,
            "candidates": tf.constant([[""]]),
            "candidate_set": tf.constant([""]),
        },
        "similar_items": {"item": tf.constant([""]), "k": k},
        "rank_examples": {"examples": tf.constant([example.SerializeToString()])},
        "user_vector": {"history": history},
    }
    (path / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(path / "assets.extra/tf_serving_warmup_requests")) as writer:
        for signature, inputs in requests.items():
            if signature not in signatures:
                continue
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature
            for name, tensor in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(tensor))
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())
