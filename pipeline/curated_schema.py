"""The curated schema as an artifact; its text travels with the pipeline, not its path."""

import os

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types.standard_artifacts import Schema
from tfx.utils import io_utils


@component
def CuratedSchema(  # noqa: N802 (a component is a class in a pipeline)
    text: Parameter[str], schema: OutputArtifact[Schema]
) -> None:
    """Writes the schema's text into the artifact."""
    io_utils.write_string_file(os.path.join(schema.uri, "schema.pbtxt"), text)


def curated_schema(path: str) -> BaseNode:
    """A component with the output `schema`, made of a file of this machine.

    TFX's ImportSchemaGen hands on the path: it would have to be there in every container, and its
    cached output would be used after the file was edited.

    Args:
        path: a `Schema` proto as text.

    Raises:
        google.protobuf.text_format.ParseError: the file holds something else.
    """
    # Printed anew, so that a change of a comment is no change.
    schema = io_utils.parse_pbtxt_file(path, schema_pb2.Schema())
    return CuratedSchema(text=str(schema))
