"""The example reads MovieLens 100K in its own layout, and runs on the sample."""

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

EXAMPLE = Path(__file__).parents[2] / "examples" / "item_features.py"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def film(item: str, title: str, *genres: int) -> bytes:
    flags = ["1" if place in genres else "0" for place in range(19)]
    address = f"http://us.imdb.com/M/title-exact?{title}"
    return ("|".join([item, title, "01-Jan-1995", "", address, *flags]) + "\n").encode("latin-1")


def test_genres_and_years_are_read_as_they_are_published(
    example: dict[str, Any], tmp_path: Path
) -> None:
    items = tmp_path / "u.item"
    items.write_bytes(
        film("1", "Toy Story (1995)", 3, 4, 5)
        + film("2", "Misérables, Les", 8)
        + film("9", "x").replace(b"01-Jan-1995", b"")
    )
    read = example["films"](str(items))
    assert read["genre"] == {"1": ["3", "4", "5"], "2": ["8"], "9": []}
    assert read["year"] == {"1": ["1995"], "2": ["1995"], "9": []}


@pytest.mark.parametrize(
    "line", [b"3|GoldenEye|0|1\n", b"3,GoldenEye\n", film("3", "x").replace(b"|0\n", b"|yes\n")]
)
def test_another_layout_is_named(example: dict[str, Any], tmp_path: Path, line: bytes) -> None:
    items = tmp_path / "u.item"
    items.write_bytes(film("1", "x") + line)
    with pytest.raises(ValueError, match=r"u\.item, line 2: not item id\|title"):
        example["films"](str(items))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--events", "u.data"], "--events and --items belong together"),
        (["--items", "u.item"], "--events and --items belong together"),
        (["--epochs", "0"], "--epochs must be at least 1"),
    ],
)
def test_wrong_options_are_refused(
    example: dict[str, Any],
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        example["main"](arguments)
    assert ended.value.code == 2 and message in capsys.readouterr().err


def check_table(output: str, users: int) -> None:
    rows = dict(re.findall(r"^(cold|1-5|warm|cold, among cold)  +(.*)$", output, re.M))
    of_slices = [row.split() for name, row in rows.items() if name != "cold, among cold"]
    assert sum(int(row[0].replace(",", "")) for row in of_slices) == users
    # Neither popularity nor a model without features can place a cold item among the first.
    assert rows["cold"].split()[1] == "0.0000"
    assert all(0 <= float(value) <= 1 for row in rows.values() for value in row.split()[1:4])


@pytest.fixture
def eagerly() -> Any:
    """Without graphs, which take longer to make than a small model takes to train."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.integration
@pytest.mark.usefixtures("eagerly")
def test_it_runs_on_files_in_the_layout_of_movielens(
    example: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    events = [
        f"{user}\t{item}\t3\t{1000 * step + user}\n"
        for user in range(1, 41)
        for step, item in enumerate(random.permutation(60)[:9] + 1)
    ]
    (tmp_path / "u.data").write_text("".join(events))
    films = [film(str(item), f"Film {item}", item % 19) for item in range(1, 60)]
    (tmp_path / "u.item").write_bytes(b"".join(films))
    paths = ["--events", str(tmp_path / "u.data"), "--items", str(tmp_path / "u.item")]
    example["main"]([*paths, "--epochs", "1"])
    output = capsys.readouterr().out
    assert "40 users, 60 items, 6 of them cold" in output
    assert "1 items have no category, the first is '60'" in output
    check_table(output, users=40)


@pytest.mark.slow
def test_on_the_sample_features_find_cold_items(
    example: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    example["main"](["--epochs", "8"])
    output = capsys.readouterr().out
    (row,) = re.findall(r"^cold, among cold +(.*)$", output, re.M)
    popularity, without, found = map(float, row.split()[1:])
    assert found > 2 * max(popularity, without)
