"""Runs an export as TF Serving would.

A plain script for a process of its own:

    python -I serving/export_check/trial.py DIR

Prints each finding as a JSON array of the check and its message. Imports TensorFlow, its serving
protos, NumPy and the standard library only: a model that needs the code that trained it fails here
as it would in a server.
"""

import contextlib
import json
import os
import posixpath
import re
import runpy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import prediction_log_pb2

# By its path, since the folder that has the package has the code that trains, too.
_CONTRACT = runpy.run_path(str(Path(__file__).parents[1] / "export_contract.py"))
_SIGNATURES, _WARMUP = _CONTRACT["SIGNATURES"], _CONTRACT["WARMUP_FILE"]
_INTERNAL_SIGNATURES = ("__saved_model_init_op", "__saved_model_train_op")
_BATCH = 2
_ALL_ITEMS = 2**31 - 1
_MESSAGE_LENGTH = 400
_PREAMBLE = re.compile(r"Graph execution error:|Detected at node|<stack traces|Node: ")
_VOCABULARY_HINT = "is the vocabulary under assets/ whole?"
_HINTS = {
    "Could not find variable": "was it written by tf.saved_model.save? That loses the variables of "
    "Keras 3 in a V1 session; use keras.export.ExportArchive",
    "RestoreV2": "are the files under variables/ whole?",
    "InitializeTableFromTextFile": _VOCABULARY_HINT,
}

Finding = tuple[str, str]  # the check and its message


def try_export(path: str | os.PathLike[str]) -> Iterator[Finding]:
    """Loads a copy into a V1 session, asks every signature and replays the warm-up requests."""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        try:
            _copy_folder(path, copy)
        except (tf.errors.OpError, OSError) as error:  # a file without permission, a full disk
            yield "load", f"the export cannot be copied to {folder}: {_explain(error)}"
            return
        graph = tf.Graph()
        with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
            try:
                with graph.as_default():
                    meta_graph = tf.compat.v1.saved_model.load(session, [_CONTRACT["TAG"]], copy)
            except Exception as error:  # whatever a damaged file provokes
                yield "load", f"a V1 session cannot load the export: {_explain(error)}"
                return
            yield from _ask_signatures(session, meta_graph)
            yield from _replay_warmup(session, meta_graph, copy)


def _ask_signatures(
    session: tf.compat.v1.Session, meta_graph: meta_graph_pb2.MetaGraphDef
) -> Iterator[Finding]:
    catalogue: list[bytes] = []
    for name in [*_SIGNATURES, *sorted(set(meta_graph.signature_def) - set(_SIGNATURES))]:
        if name not in meta_graph.signature_def or name in _INTERNAL_SIGNATURES:
            continue
        signature = meta_graph.signature_def[name]
        inputs = _inputs(name, signature, catalogue)
        try:
            outputs = _run(session, signature, inputs)
        except Exception as error:
            yield "run", f"signature {name} fails: {_explain(error)}"
            continue
        if name not in _SIGNATURES:
            continue
        for alias, array in outputs.items():
            if array.ndim == 0 or len(array) != _BATCH:
                yield (
                    "run",
                    f"signature {name} answers a batch of {_BATCH} with {alias} of shape "
                    f"{list(array.shape)}",
                )
        if {"item_ids", "scores"} <= outputs.keys():
            scored = outputs["scores"] > np.finfo(np.float32).min
            if (scored & (outputs["item_ids"] == b"")).any():
                yield "run", f"signature {name} scores items without an id; {_VOCABULARY_HINT}"
        if "known_items" in outputs and (read := {"history", "item"} & inputs.keys()):
            items = inputs[read.pop()].reshape(_BATCH, -1)
            known = np.isin(items, catalogue).sum(1).tolist()
            if (counted := outputs["known_items"].tolist()) != known:
                yield "run", f"signature {name} counts {counted} known_items; {known} are known"
        if name == "serving_default" and "item_ids" in outputs:
            catalogue = [item for item in outputs["item_ids"].ravel() if item]
            if not catalogue:
                yield "run", "serving_default recommends nothing, not even for an empty history"


def _replay_warmup(
    session: tf.compat.v1.Session, meta_graph: meta_graph_pb2.MetaGraphDef, path: str
) -> Iterator[Finding]:
    file = posixpath.join(path, _WARMUP)
    if not tf.io.gfile.exists(file):
        yield "warm-up", f"{_WARMUP} is missing"
        return
    warmed_up: list[str] = []
    try:
        for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            name = request.model_spec.signature_name or _CONTRACT["DEFAULT_SIGNATURE"]
            inputs = {alias: tf.make_ndarray(t) for alias, t in request.inputs.items()}
            _run(session, meta_graph.signature_def[name], inputs)
            warmed_up.append(name)
    except Exception as error:
        yield "warm-up", f"record {len(warmed_up) + 1} of {_WARMUP} fails: {_explain(error)}"
        return
    for name in _SIGNATURES:
        if name in meta_graph.signature_def and name not in warmed_up:
            yield "warm-up", f"{_WARMUP} has no request for signature {name}"


def _run(
    session: tf.compat.v1.Session,
    signature: meta_graph_pb2.SignatureDef,
    inputs: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    feeds = {signature.inputs[alias].name: array for alias, array in inputs.items()}
    return session.run({a: t.name for a, t in signature.outputs.items()}, feeds)


def _inputs(
    name: str, signature: meta_graph_pb2.SignatureDef, catalogue: list[bytes]
) -> dict[str, np.ndarray]:
    """An empty history, and one with an unknown item and, once it is known, a real one.

    Those with an input k are asked for the whole catalogue.
    """
    items = [b"an item that no catalogue has", *catalogue[:1]]
    values: dict[str, Any] = {
        "k": [1, _ALL_ITEMS],
        "keep_seen": [False, True],
        "exclude": [[b""], [b""]],
        "candidates": [items[:1], items[-1:]],
        "candidate_set": [b"", b""],
        "item": [items[0], items[-1]],
    }
    if name == "rank_examples":
        values["examples"] = [_example([], items[-1]), _example(items, items[-1])]
    inputs = {}
    for alias, info in signature.inputs.items():
        shape = [_BATCH if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
        dtype = tf.as_dtype(info.dtype).as_numpy_dtype
        if alias == "history" and len(shape) == 2 and shape[1] >= len(items):
            history = np.full(shape, b"", dtype=object)
            history[-1, : len(items)] = items
            inputs[alias] = history
        elif name in _SIGNATURES and alias in values:
            inputs[alias] = np.array(values[alias], dtype=dtype)
        else:
            inputs[alias] = np.full(shape, b"" if dtype is object else 0, dtype=dtype)
    return inputs


def _example(history: list[bytes], target: bytes) -> bytes:
    example = tf.train.Example()
    feature = example.features.feature
    feature["user_id"].bytes_list.value.append(b"user")
    feature["history"].bytes_list.value.extend(history)
    feature["timestamps"].int64_list.value.extend(range(len(history)))
    feature["target"].bytes_list.value.append(target)
    feature["length_group"].bytes_list.value.append(b"<5")
    return example.SerializeToString()


def _explain(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    lines = [line for line in text.splitlines() if line.strip() and not _PREAMBLE.match(line)]
    told = " ".join(" ".join(lines[:2]).split())[:_MESSAGE_LENGTH]
    return f"{type(error).__name__}: {told}" + "".join(
        f" ({hint})" for sign, hint in _HINTS.items() if sign in text
    )


def _copy_folder(source: str | os.PathLike[str], destination: str) -> None:
    for folder, _, files in tf.io.gfile.walk(source):
        target = os.path.join(destination, os.path.relpath(folder, source))
        tf.io.gfile.makedirs(target)
        for file in files:
            tf.io.gfile.copy(posixpath.join(folder, file), os.path.join(target, file))


if __name__ == "__main__":
    for finding in try_export(sys.argv[1]):
        print(json.dumps(finding))
