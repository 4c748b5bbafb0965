"""Text in any encoding: damage is told, and never costs rows in silence."""

from pathlib import Path

import pytest

from mclrec_tf.data.event_log.reader import (
    Event,
    EventLogError,
    EventLogFormat,
    RowProblem,
    read_events,
)

ROWS = [f"ann,i{n},{n}\n" for n in range(1000)]
TEXT = "user_id,item_id,timestamp\n" + "".join(ROWS)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("marked", [True, False])
def test_a_lost_byte_is_told(tmp_path: Path, encoding: str, marked: bool):
    """After it, all characters are others, and line ends are none."""
    if encoding.startswith("utf-32") and not marked:
        return
    data = ("\ufeff" * marked + TEXT).encode(encoding)
    middle = len(data) // 2 + 1
    (tmp_path / "log.csv").write_bytes(data[:middle] + data[middle + 1 :])
    found = []
    with pytest.raises(EventLogError, match=r"log.csv: row \d+ and all that follow cannot be read"):
        for row in read_events(tmp_path / "log.csv", EventLogFormat()):
            found.append(row)
    assert found[:400] == [Event("ann", f"i{n}", n) for n in range(400)]


def test_half_a_surrogate_pair_spoils_one_row(tmp_path: Path):
    text = "\ufeff" + TEXT.replace("i500,", "\ud83d,").replace("i600,", "\U0001f600,")
    (tmp_path / "log.csv").write_bytes(text.encode("utf-16-le", "surrogatepass"))
    found = [*read_events(tmp_path / "log.csv", EventLogFormat())]
    assert len(found) == 1000
    assert isinstance(found[500], RowProblem) and found[500].reason == "is not UTF-8"
    assert found[600] == Event("ann", "\U0001f600", 600)
    assert [row for row in found if isinstance(row, RowProblem)] == [found[500]]
