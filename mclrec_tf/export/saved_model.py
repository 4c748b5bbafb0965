"""The trained model as a SavedModel that stock TensorFlow Serving loads and serves.

Raw item ids go in and come out. Names, shapes and meaning of the signatures are a contract with
`serving`; see `export_savedmodel`.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole, path_text
from mclrec_tf.export.checksums import write_checksums
from mclrec_tf.export.exported_model import ExportedModel
from mclrec_tf.export.new_folder import check_new
from mclrec_tf.export.registered_sets import write_item_sets
from mclrec_tf.export.warmup_requests import write_warmup_requests
from mclrec_tf.models.sequential_recommender import SequentialRecommender


def export_savedmodel(
    model: SequentialRecommender,
    path: str | os.PathLike[str],
    vocabulary: str | os.PathLike[str] | Sequence[str],
    k: int = 100,
    item_sets: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Writes the model, its catalogue, warm-up requests and checksums as a SavedModel.

    Signatures, with B the batch, K = min(k, |I|), and H as many items as the model reads,
    `encoder.max_length`, but at least 50:

    - `serving_default`: history string `[B, H]` → item_ids string `[B, K]`, scores float32
      `[B, K]`, known_items int32 `[B]`; items of the history are never recommended.
    - `recommend`: history `[B, H]`, exclude string `[B, E]`, k int32 `[B]`, at least 1,
      keep_seen bool `[B]` → item_ids and scores `[B, max k]`, known_items `[B]`.
    - `recommend_among`: the same with candidates string `[B, C]` and candidate_set string `[B]`,
      the name of one of `item_sets` or "": only items that a row lists or that are in its set are
      recommended, of a row with neither none.
    - `similar_items`: item string `[B]`, k int32 `[B]` → item_ids `[B, max k]`, scores of the same
      shape, the cosines of the items' vectors, known_items `[B]`; never the item itself, and
      nothing for one that the catalogue does not hold.
    - `rank_examples`: examples string `[B]`, serialised `tf.train.Example`s with history (any
      length) and target → item_ids and scores `[B, K]`, and six ranks int64 `[B]`:
      `all_items_rank` and `unseen_items_rank` of the model, and of the baselines under the
      prefixes `popularity_` and `recency_`; known_items `[B]`, and `repeats_at_{5,10,20}` int32
      `[B]`, how many items of the history are among the model's best of all items.
    - `user_vector`: history `[B, H]` → vector float32 `[B, d]`.

    Histories are oldest first, right-padded with "". The model reads the most recent
    `encoder.max_length` items of them; all of them count as seen. Items that the catalogue does
    not hold are dropped; an empty history gets the popularity ranking. known_items counts those
    of the whole history that it does hold, each as often as it comes: with 0, nothing of the
    history went into the answer. Ranks that no item fills have item id "" and the lowest float32
    as score. What does not fit a signature fails with the name of the input.

    In a large catalogue, of 8 million numbers in the item table or more, `serving_default`,
    `recommend` and `recommend_among` find the same best items by bounds of their scores,
    `mclrec_tf.export.bounded_top_k`, with a second table of part of the item table's size.

    Args:
        model: The trained model.
        path: Folder to write; must not exist yet, or be empty.
        vocabulary: The raw item ids by id, or the path of a text file that has one a line.
        k: Items returned by `serving_default` and `rank_examples`.
        item_sets: Raw item ids by the name of a set, such as "in stock", which a request can then
            name instead of listing its candidates. Items that the catalogue does not hold are left
            out. `mclrec_tf.export.registered_sets.copy_with_item_sets` changes them later.

    Raises:
        FileExistsError: `path` is a file, or a folder that is not empty.
        ValueError: The vocabulary does not have one entry an item, k is below 1, the model reads
            more than 1,000 items, or a set has no name or no item of the catalogue.
    """
    path = path_text("path", path)
    check_whole(1, k=k)
    check_new(path)
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
        archive.track(exported.item_sets)
        archive.track(exported.item_norms)
        if exported.bounded is not None:
            archive.track(exported.bounded)
        names = tf.TensorSpec([None, exported.width], tf.string)
        archive.add_endpoint("serving_default", exported.serving_default, [names])
        lists, texts = tf.TensorSpec([None, None], tf.string), tf.TensorSpec([None], tf.string)
        numbers, flags = tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.bool)
        options = [lists, numbers, flags]
        archive.add_endpoint("recommend", exported.recommend, [names, *options])
        archive.add_endpoint(
            "recommend_among", exported.recommend_among, [names, lists, texts, *options]
        )
        archive.add_endpoint("similar_items", exported.similar_items, [texts, numbers])
        archive.add_endpoint("rank_examples", exported.rank_examples, [texts])
        archive.add_endpoint("user_vector", exported.user_vector, [names])
        archive.write_out(path, verbose=False)
        write_warmup_requests(path, vocabulary, exported.width)
        if item_sets:
            write_item_sets(path, item_sets)
        write_checksums(path)


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
