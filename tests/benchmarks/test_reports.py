"""What is made of the files of quality runs: tables, curves over time, chosen settings."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import search, table, time_to_quality
from benchmarks.settings import POLICIES

COLUMNS = table.COLUMNS
TABLES = Path(__file__).with_name("quality_tables.md")


def result(name: str, seed: int, value: float, **changes: Any) -> dict[str, Any]:
    test = {
        "all_items": dict.fromkeys(COLUMNS, value),
        "unseen_items": dict.fromkeys(COLUMNS, value + 0.5),
    }
    row = {"wall_seconds": 10.0, "val_unseen_items_ndcg_at_10": value}
    return {
        "name": name, "method": name, "data": "beauty", "seed": seed, "configuration": {"beta": 1},
        "k_core": 5,
        "version": "v", "machine": {}, "epochs": 3, "training_seconds": 60.0, "test": test,
        "curve": [row, {**row, "wall_seconds": 20.0, "val_unseen_items_ndcg_at_10": 2 * value}],
        **changes,
    }  # fmt: skip


def write(folder: Path, *results: dict[str, Any]) -> list[str]:
    files = [folder / f"{each['name']}-beauty-{each['seed']}.json" for each in results]
    for file, each in zip(files, results, strict=True):
        file.write_text(json.dumps(each))
    return [str(file) for file in files]


def cells(markdown: str, row: str) -> list[list[str]]:
    """The cells of a row in every table that has it."""
    lines = [line for line in markdown.splitlines() if line.startswith(f"| {row} |")]
    return [[cell.strip() for cell in line.split("|")[2:-1]] for line in lines]


def test_table_has_mean_and_spread_for_each_policy_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    baseline = result("popularity", 0, 0.01, curve=[], configuration={})
    write(tmp_path, result("mclrec", 0, 0.1), result("mclrec", 1, 0.2), baseline)
    table.main([str(tmp_path), "--json"])
    *lines, last = capsys.readouterr().out.splitlines()
    markdown = "\n".join(lines)
    assert len(json.loads(last)["runs"]) == 3
    everything, unseen = cells(markdown, "mclrec")
    assert everything == [".1500 ± .0707"] * 6 + ["2", "3", "60"]
    assert unseen == [".6500 ± .0707"] * 6 + ["2", "3", "60"]
    assert cells(markdown, "popularity")[0] == [".0100"] * 6 + ["1", "", ""]
    (paper,) = cells(markdown, "*MCLRec (paper)*")
    assert paper[2] == ".1243" and paper[5] == ".0539" and paper[6] == ""
    (weights,) = cells(markdown, "*MCLRec (authors' weights)*")
    assert weights[:5] == ["", ".0951", ".1306", "", ".0576"]


def runs_of_two_logs() -> list[dict[str, Any]]:
    """Three seeds of a name, two, one, and baselines, which have no epochs."""
    runs: list[dict[str, Any]] = []
    for data, name, seeds in (
        ("beauty", "recency", 1),
        ("beauty", "mclrec-bsarec", 3),
        ("beauty", "encoder-sasrec", 2),
        ("own-log", "popularity", 1),
        ("own-log", "mclrec-gru4rec", 1),
    ):
        for seed in range(seeds):
            number = len(runs) + 1
            method, _, encoder = name.partition("-")
            test = {
                policy: {
                    column: round((place + 1) * number**0.5 / 97 + offset / 11, 6)
                    for place, column in enumerate(COLUMNS)
                }
                for offset, policy in enumerate(POLICIES)
            }
            run = {"name": name, "method": method, "data": data, "seed": seed, "test": test}
            if encoder:
                run |= {"configuration": {"beta": 0.01, "num_layers": None}, "curve": [{}]}
                run |= {"epochs": 10 + 3 * number, "training_seconds": 1234.5 * number}
            else:
                run |= {"configuration": {}, "curve": [], "training_seconds": 0.0}
            runs.append(run)
    return runs


def test_tables_are_those_that_were_published_from_such_runs() -> None:
    """The file was written before pandas made the tables."""
    assert table.tables(runs_of_two_logs()) + "\n" == TABLES.read_text()


def test_a_run_with_counts_has_a_row_without_them_too() -> None:
    runs = [result("mclrec-bsarec", seed, value) for seed, value in enumerate((0.1, 0.3))]
    for run, value in zip(runs, (0.05, 0.15), strict=True):
        run["without_counts"] = {"test": result("x", 0, value)["test"]}
    text = table.tables(runs)
    with_counts, _ = cells(text, "mclrec-bsarec")
    without, _ = cells(text, "mclrec-bsarec, without counts")
    assert with_counts[1].startswith(".2000 ± ") and without[1].startswith(".1000 ± ")


def test_gains_are_those_of_runs_with_the_same_seed() -> None:
    better = [result("mclrec-bsarec", seed, value) for seed, value in ((0, 0.12), (1, 0.2), (7, 9))]
    worse = [result("encoder-bsarec", seed, value) for seed, value in ((1, 0.17), (0, 0.11))]
    # The differences are .01 and .03; Student's t of two values is 12.7062 for 95 %.
    half = 12.7062 * 0.01
    expected = f"+.0200 (-.{round(1e4 * (half - 0.02)):04} to +.{round(1e4 * (half + 0.02)):04})"
    lines = table.tables([*better, *worse]).splitlines()
    found = [line for line in lines if line.startswith("| mclrec-bsarec over encoder-bsarec |")]
    assert len(found) == 2 and all(expected in line and line.endswith("| 2 |") for line in found)
    assert "over" not in table.tables([*better[1:], worse[1]])


def test_a_table_of_baselines_alone_has_no_epochs() -> None:
    (popularity,) = (run for run in runs_of_two_logs() if run["name"] == "popularity")
    everything, unseen = cells(table.tables([popularity]), "popularity")
    assert everything[-3:] == unseen[-3:] == ["1", "", ""]


def test_table_refuses_to_average_different_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write(tmp_path, result("mclrec", 0, 0.1), result("mclrec", 1, 0.1, configuration={"beta": 2}))
    with pytest.raises(SystemExit):
        table.main([str(tmp_path)])
    assert "runs with different beta cannot be averaged" in capsys.readouterr().err
    write(tmp_path, result("mclrec", 1, 0.1, configuration={"beta": 1, "members": 3}))
    with pytest.raises(SystemExit):
        table.main([str(tmp_path)])
    assert "runs with different members cannot be averaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k_core": 9}, "beauty: results of different k_core are not of the same events"),
        ({"users": 7}, "results of different users"),
        ({"log_sha256": "b"}, "results of different log_sha256"),
        ({"seed": 0}, "mclrec on beauty: seed 0 is there more than once"),
    ],
)
def test_table_refuses_what_is_not_of_the_same_events_or_the_same_run(
    changes: dict[str, Any], message: str
) -> None:
    told = {"users": 6, "log_sha256": "a"}
    runs = [result("mclrec", seed, 0.1, **told) for seed in (0, 1)]
    assert table.tables([*runs, result("popularity", 0, 0.1)])  # of before the log was told
    runs[1] |= changes
    with pytest.raises(ValueError, match=message):
        table.tables(runs)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged"),
        (b'{"name": "mclrec"', "is damaged"),
        (b"\xff\xfe\x00", "is damaged"),
        (b"7", "holds no result"),
        (b"{}", "lacks name, data, method, seed"),
        (json.dumps(result("a", 1, 0.1, test={"all_items": {}})).encode(), "of unseen_items"),
        (json.dumps(result("a", 1, 0.1, test=None)).encode(), "lacks test of"),
    ],
)
def test_a_file_that_is_no_whole_result_is_named(
    tmp_path: Path, content: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, result("mclrec", 0, 0.1))
    (tmp_path / "broken.json").write_bytes(content)
    for command in (
        lambda: table.main([str(tmp_path)]),
        lambda: time_to_quality.main([str(tmp_path / "broken.json"), "--out", str(tmp_path / "t")]),
    ):
        with pytest.raises(SystemExit):
            command()
        said = capsys.readouterr().err
        assert "broken.json: " in said and message in said


def test_a_table_passes_over_what_other_benchmarks_have_written(tmp_path: Path) -> None:
    write(tmp_path, result("mclrec", 0, 0.1))
    (tmp_path / "speed.json").write_text(json.dumps({"benchmark": "time_to_quality"}))
    assert len(table.read_results(tmp_path)) == 1


def test_time_to_quality_compares_where_both_arrive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    slow = result("authors", 0, 0.1)
    for row in slow["curve"]:
        row["wall_seconds"] *= 30
    files = write(tmp_path, result("mclrec", 0, 0.2), slow)
    time_to_quality.main([*files, "--out", str(tmp_path / "speed"), "--json"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == json.loads((tmp_path / "speed.json").read_text())
    assert found["seconds_to_value"][-1] == {
        "value": 0.2,
        "seconds": {"mclrec-beauty-0": 10.0, "authors-beauty-0": 600.0},
    }
    assert (tmp_path / "speed.png").stat().st_size > 10_000


@pytest.mark.integration
@pytest.mark.usefixtures("eager")
def test_search_gives_methods_the_same_budget_and_never_reads_the_test(
    ring_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    listed = tmp_path / "listed.json"
    listed.write_text(json.dumps([{"learning_rate": 1e-5}, {"learning_rate": 0.03}]))
    command = [f"--data={ring_log}", f"--configurations={listed}", f"--out={tmp_path / 'out'}"]
    command += ["--epochs=2", "--dim=8", "--num-layers=1", "--dropout=0", "--no-counts", "--json"]
    search.main(command)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [trial["method"] for trial in found["trials"]] == ["mclrec", "encoder"] * 2
    assert {trial["epochs"] for trial in found["trials"]} == {2}
    for method in ("mclrec", "encoder"):
        assert found["best"][method]["chosen"] == {"learning_rate": 0.03}
    files = list((tmp_path / "out" / "trials").glob("*.json"))
    assert len(files) == 4
    assert not any("test" in json.loads(file.read_text()) for file in files)
    before = [file.stat().st_mtime_ns for file in files]
    search.main(command)
    assert [file.stat().st_mtime_ns for file in files] == before


def test_trials_differ_and_are_alike_for_both_methods():
    assert search.draw(1) == search.draw(1)
    assert len({json.dumps(search.draw(number)) for number in range(8)}) == 8
