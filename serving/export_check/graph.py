"""What the file of an export tells about its chances in TF Serving, without running it."""

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from serving.export_contract import (
    DEFAULT_SIGNATURE,
    GRAPH_FILE,
    LATER_SIGNATURES,
    TAG,
    history_width,
    signatures,
)

_HERE = Path(__file__).parent
_STOCK_OPS = {
    line for line in (_HERE / "stock_ops.txt").read_text().split("\n") if not line.startswith("#")
}
_ABSOLUTE_PATH = re.compile(rb"(/[\w.@+-]+){2,}|[a-z]+://.+")


Finding = tuple[str, str]  # the check and its message


class UnreadableExport(Exception):
    """There is no graph to check."""


def read_graph(path: str | os.PathLike[str]) -> meta_graph_pb2.MetaGraphDef:
    """The graph of an export that TF Serving loads.

    Args:
        path: Folder of the SavedModel.

    Raises:
        UnreadableExport: With what is wrong with the folder.
    """
    file = posixpath.join(path, GRAPH_FILE)
    if not tf.io.gfile.exists(file):
        raise UnreadableExport(f"{file} does not exist")
    try:
        with tf.io.gfile.GFile(file, "rb") as opened:
            saved_model = saved_model_pb2.SavedModel.FromString(opened.read())
    except tf.errors.OpError as error:
        raise UnreadableExport(f"{file} cannot be read: {error.message}") from error
    except DecodeError as error:
        raise UnreadableExport(f"{file} is damaged: {error}") from error
    for graph in saved_model.meta_graphs:
        if TAG in graph.meta_info_def.tags:
            return graph
    raise UnreadableExport(f'{file} has no graph with the tag "{TAG}"')


def check_graph(graph: meta_graph_pb2.MetaGraphDef, path: str | os.PathLike[str]) -> list[Finding]:
    """Compares a graph with the contract and with what a stock server can run.

    Args:
        graph: Of an export.
        path: Folder of the export, which has to hold the graph's assets.
    """
    return [
        *_check_signatures(graph),
        *_check_ops(graph),
        *_check_xla(graph),
        *_check_paths(graph, path),
    ]


def _check_signatures(graph: meta_graph_pb2.MetaGraphDef) -> Iterator[Finding]:
    # Those of one width: clients ask for it once.
    # A protobuf map makes an entry of what is looked up otherwise.
    default = graph.signature_def.get(DEFAULT_SIGNATURE)
    history = None if default is None else default.inputs.get("history")
    width = history_width(None if history is None else _shape(history))
    for name, wanted in signatures(width).items():
        if name not in graph.signature_def:
            if name not in LATER_SIGNATURES:
                yield ("signatures", f"signature {name} is missing")
            continue
        signature = graph.signature_def[name]
        inputs = {alias: (_dtype(t), _shape(t)) for alias, t in signature.inputs.items()}
        outputs = {alias: _dtype(t) for alias, t in signature.outputs.items()}
        # Exports of earlier versions count nothing.
        counts = {alias: t for alias, t in wanted.counts.items() if alias in outputs}
        for kind, found, expected in (
            ("inputs", inputs, {a: (t, wanted.shapes[a]) for a, t in wanted.inputs.items()}),
            ("outputs", outputs, {**wanted.outputs, **counts}),
        ):
            if found != expected:
                yield ("signatures", f"{name} has the {kind} {found}; they have to be {expected}")


def _check_ops(graph: meta_graph_pb2.MetaGraphDef) -> Iterator[Finding]:
    known = _STOCK_OPS | {function.signature.name for function in graph.graph_def.library.function}
    users: dict[str, str] = {}
    for where, node in _nodes(graph):
        if node.op not in known:
            users.setdefault(node.op, f"node {node.name} of {where}")
    for op, user in sorted(users.items()):
        yield ("ops", f"op {op} ({user}) is not in a stock TF Serving")


def _check_xla(graph: meta_graph_pb2.MetaGraphDef) -> Iterator[Finding]:
    compiled = {
        f"function {function.signature.name}"
        for function in graph.graph_def.library.function
        if function.attr["_XlaMustCompile"].b
    }
    compiled |= {
        f"node {node.name} of {where}"
        for where, node in _nodes(graph)
        if node.attr["_XlaMustCompile"].b
    }
    for name in sorted(compiled):
        yield (
            "xla",
            f"{name} has to be compiled by XLA (jit_compile=True), which TF Serving refuses",
        )


def _check_paths(
    graph: meta_graph_pb2.MetaGraphDef, path: str | os.PathLike[str]
) -> Iterator[Finding]:
    for asset in graph.asset_file_def:
        file = posixpath.join(path, "assets", asset.filename)
        if os.path.isabs(asset.filename) or ".." in asset.filename.split("/"):
            yield ("assets", f"asset {asset.filename} lies outside the export")
        elif not tf.io.gfile.exists(file):
            yield ("assets", f"asset {file} is missing")
    for where, node in _nodes(graph):
        tensor = node.attr["value"].tensor
        if node.op != "Const" or tensor.dtype != types_pb2.DT_STRING:
            continue
        for value in tensor.string_val:
            if _ABSOLUTE_PATH.fullmatch(value):
                yield (
                    "assets",
                    f"{value.decode(errors='replace')} (node {node.name} of {where}) is a path "
                    "outside the export; make it an asset (tf.saved_model.Asset)",
                )


def _nodes(graph: meta_graph_pb2.MetaGraphDef) -> Iterator[tuple[str, Any]]:
    for node in graph.graph_def.node:
        yield "the graph", node
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            yield f"function {function.signature.name}", node


def _dtype(info: meta_graph_pb2.TensorInfo) -> str:
    return types_pb2.DataType.Name(info.dtype)


def _shape(info: meta_graph_pb2.TensorInfo) -> tuple[int, ...]:
    return tuple(dim.size for dim in info.tensor_shape.dim)
