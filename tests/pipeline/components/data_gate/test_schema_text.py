"""The schema as text: the built-in one, an edited one, and one that cannot be read."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.components.data_gate.schema_text import BUILT_IN, SchemaError, schema_text


def test_the_built_in_schema_is_what_its_file_says():
    expected = text_format.Parse(Path(BUILT_IN).read_text(), schema_pb2.Schema())
    assert text_format.Parse(schema_text(""), schema_pb2.Schema()) == expected


@pytest.mark.parametrize("content", [None, "feature { nam: 1 }", "\xff"])
def test_a_file_that_is_no_schema_is_named(tmp_path: Path, content: str | None):
    path = tmp_path / "limits.pbtxt"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with pytest.raises(SchemaError, match="limits.pbtxt: .*Give --schema a text file"):
        schema_text(str(path))
