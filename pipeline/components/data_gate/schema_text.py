"""The curated schema: a component whose input is the text of the schema, not the path of a file."""

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
"""The environment of the schema for data that are histories without targets."""
_FILE = "schema.pbtxt"


class SchemaError(ValueError):
    """The schema cannot be read. The message names the file, the line and the column."""


@component
def CuratedSchema(text: Parameter[str], schema: OutputArtifact[Schema]) -> None:
    """Writes the schema.

    The cache key of TFX's ImportSchemaGen is the path of the file, so an edited threshold would not
    take effect. The cache key of this component is the content of the file.

    Args:
        text: The schema as a text proto.
        schema: The output.
    """
    tfdv.write_schema_text(
        text_format.Parse(text, schema_pb2.Schema()), os.path.join(schema.uri, _FILE)
    )


def schema_text(path: str | os.PathLike[str]) -> str:
    """Reads a schema for `CuratedSchema`.

    Args:
        path: A text proto. "" stands for `BUILT_IN`.

    Returns:
        The schema as a text proto in TensorFlow Metadata's canonical form.

    Raises:
        SchemaError: There is no such file, or it contains no schema.
    """
    path = os.fspath(path) or BUILT_IN
    try:
        return text_format.MessageToString(tfdv.load_schema_text(path))
    except (text_format.ParseError, tf.errors.OpError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise SchemaError(
            f"{path}: cannot be read as a schema: {reason}. Give --schema a text file "
            f"like {BUILT_IN}."
        ) from error


def load_schema(schema_uri: str) -> schema_pb2.Schema:
    """Reads the schema from the folder of an artifact."""
    return tfdv.load_schema_text(os.path.join(schema_uri, _FILE))
