"""The curated schema as an artifact whose text is the component's input."""

import os

import tensorflow as tf
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema

import pipeline

BUILT_IN = os.path.join(os.path.dirname(pipeline.__file__), "schema", "schema.pbtxt")
HISTORIES = "HISTORIES"
"""The schema's environment of data that are histories alone."""
_FILE = "schema.pbtxt"


class SchemaError(ValueError):
    """The schema cannot be read. The message names the file and the place in it."""


@component
def CuratedSchema(text: Parameter[str], schema: OutputArtifact[Schema]) -> None:
    """Writes the schema.

    TFX's ImportSchemaGen is cached by the file's path, so that an edited threshold would not be
    used; this one is cached by what the file says.
    """
    tfdv.write_schema_text(
        text_format.Parse(text, schema_pb2.Schema()), os.path.join(schema.uri, _FILE)
    )


def schema_text(path: str | os.PathLike[str]) -> str:
    """Reads a schema for `CuratedSchema`, `BUILT_IN` if the path is "".

    Raises:
        SchemaError: There is no such file, or it holds no schema.
    """
    path = os.fspath(path) or BUILT_IN
    try:
        return text_format.MessageToString(tfdv.load_schema_text(path))
    except (text_format.ParseError, tf.errors.OpError, ValueError) as error:
        raise SchemaError(
            f"{path}: cannot be read as a schema: {error}. --schema takes a text file like "
            f"{BUILT_IN}"
        ) from error


def load_schema(schema_uri: str) -> schema_pb2.Schema:
    """Reads the schema of an artifact."""
    return tfdv.load_schema_text(os.path.join(schema_uri, _FILE))
