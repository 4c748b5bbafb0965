"""The command: what is found of each version, the page, the metrics, and the exit status."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.watch import main
from serving.client import RecommendationClient
from serving.devserver.models.repository import single_model
from serving.devserver.request_log.request_log import RequestLog
from tests.pipeline.components.run_page.chromium import PHONE_WIDTH, look_at
from tests.pipeline.jobs.request_logs import prediction_log, write_log
from tests.serving.running_server import running_server
from tests.serving.stand_in import EarlierVersion, write_export

ITEMS = [f"i{n}" for n in range(40)]
NOON = 1_800_000_000


def write_events(path: Path, events: list[tuple[str, str, int]]) -> Path:
    lines = "".join(f"{user},{item},{moment}\n" for user, item, moment in events)
    path.write_text("user_id,item_id,timestamp\n" + lines)
    return path


def users_with(random: np.random.Generator, count: int) -> list[list[str]]:
    """Histories that differ, so that each is one user's."""
    return [list(random.choice(ITEMS, random.integers(3, 9))) for _ in range(count)]


class Case:
    """Requests of two versions and what followed: the first item of version 7, the 15th of 8."""

    def __init__(self, folder: Path, users: int = 150) -> None:
        random = np.random.default_rng(0)
        self.folder, events, logs = folder, [], []
        for number, history in enumerate(users_with(random, 2 * users)):
            version, place = (7, 0) if number < users else (8, 14)
            best = list(random.permutation(ITEMS)[:20])
            begin = NOON + 1000 * number
            events += [(f"u{number}", item, begin + n) for n, item in enumerate(history)]
            events.append((f"u{number}", best[place], begin + 500))
            known = len(history) - (version == 8)  # one item is unknown to version 8
            asked = begin + 100
            logs.append(prediction_log([history], [best], [known], time=asked, version=version))
        self.log = write_log(folder / "log" / "a.tfrecord", logs)
        self.data = write_events(folder / "events.csv", events)

    def watch(self, *options: str) -> int:
        return main(
            [
                f"--requests={self.log.parent}",
                f"--data={self.data}",
                f"--out={self.folder / 'page.html'}",
                f"--metrics={self.folder / 'm.prom'}",
                *options,
            ]
        )

    def metric(self, name: str, **labels: str) -> float | None:
        text = (self.folder / "m.prom").read_text()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if (
                    sample.name == f"mclrec_watch_{name}"
                    and labels.items() <= sample.labels.items()
                ):
                    return sample.value
        return None

    @property
    def page(self) -> str:
        return (self.folder / "page.html").read_text()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_each_version_has_its_own_numbers(case: Case, capsys: pytest.CaptureFixture) -> None:
    assert case.watch("--max-unknown-items=0.3") == 0
    assert capsys.readouterr().out == f"Written to {case.folder / 'page.html'}\n"
    first, second = {"version": "7"}, {"version": "8"}
    for version, hits in ((first, (1, 1, 1)), (second, (0, 0, 1))):
        for cutoff, share in zip(("5", "10", "20"), hits, strict=True):
            assert case.metric("hit_ratio", cutoff=cutoff, **version) == share
        assert case.metric("predictions", **version) == 150
        assert case.metric("answers", outcome="joined", **version) == 150
        assert case.metric("requests", signature="serving_default", **version) == 150
        assert case.metric("empty_histories_ratio", **version) == 0
        assert case.metric("limits_broken", **version) == 0
    assert 0.95 < case.metric("hit_ratio_lower", cutoff="10", **first) < 1
    assert 0 < case.metric("hit_ratio_upper", cutoff="10", **second) < 0.05
    assert case.metric("unknown_items_ratio", **first) == 0
    assert 0.1 < case.metric("unknown_items_ratio", **second) < 0.3
    assert case.metric("last_answer_timestamp_seconds", **first) == NOON + 149_100
    assert "Within the limits" in case.page and case.page.count("<svg") == 3


def test_a_broken_limit_is_the_exit_status(case: Case, capsys: pytest.CaptureFixture) -> None:
    assert case.watch("--max-unknown-items=0.1", "--min-hit-rate-at-10=0.5") == 3
    unknown, hits, _ = capsys.readouterr().out.splitlines()
    assert re.match(r"mclrec 8: 0\.\d+ of the items .*more than 0\.1 \(--max-unknown-it", unknown)
    assert re.match(r"mclrec 8: 0\.0000 \(0\.0000 to 0\.02.*\) is its online HR@10, less", hits)
    assert case.metric("limits_broken", version="8") == 2
    assert "Limits are broken" in case.page
    # Too few to be judged.
    assert case.watch("--max-unknown-items=0.1", "--min-rows=151") == 0
    assert "150 histories are too few to be judged" in case.page


def test_lengths_are_compared_with_those_of_the_log(case: Case) -> None:
    case.watch()
    assert case.metric("history_length_divergence", version="7") < 0.05
    short = [prediction_log([["i1"]], [ITEMS[:20]], [1], time=NOON)] * 200
    write_log(case.log, short)
    assert case.watch("--max-length-drift=0.5") == 3
    assert case.metric("history_length_divergence", version="7") == 1
    assert case.metric("recommended_items_divergence", version="7") is None


def test_requests_since_a_time_are_compared_with_those_before(case: Case) -> None:
    logs = []
    for number in range(400):
        is_late = number >= 200
        best = ITEMS[20:] if is_late else ITEMS[:20]
        logs.append(prediction_log([ITEMS[:3]], [best], [3], time=NOON + 60 * is_late))
    write_log(case.log, logs)
    assert case.watch(f"--since={_iso(NOON + 60)}") == 3
    assert case.metric("recommended_items_divergence", version="7") == 1
    assert case.metric("history_length_divergence", version="7") == 0
    assert case.metric("histories", version="7") == 200
    assert case.metric("requests", version="7", signature="serving_default") == 200
    assert "the 200 histories of the requests before" in case.page


@pytest.mark.parametrize(("offset", "said"), [(-1, "nothing to compare"), (1e6, "was asked about")])
def test_a_time_without_requests_on_either_side_is_an_error(
    case: Case, capsys: pytest.CaptureFixture, offset: float, said: str
) -> None:
    assert case.watch(f"--since={_iso(NOON + offset)}") == 1
    assert said in capsys.readouterr().err


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def test_the_catalogue_tells_what_the_answers_do_not(
    case: Case, capsys: pytest.CaptureFixture
) -> None:
    known = [*ITEMS[:29], "one\u2028line"]
    (case.folder / "models" / "7" / "assets").mkdir(parents=True)
    (case.folder / "models" / "7" / "assets" / "items").write_text("\n".join(known) + "\n")
    logs = [prediction_log([["i1", "i39"]], [ITEMS[:14] + known[-1:]], time=NOON, version=7)] * 100
    logs += [prediction_log([["i1"]], [ITEMS[:15]], time=NOON, version=6)] * 100
    write_log(case.log, logs)
    assert case.watch(f"--model={case.folder / 'models'}", "--max-length-drift=1") == 3
    said = capsys.readouterr().out
    assert "has no list of items of mclrec 6: what they know is told by their answers" in said
    assert case.metric("unknown_items_ratio", version="7") == 0.5
    assert case.metric("recommended_catalogue_ratio", version="7") == 0.5
    assert case.metric("unknown_items_ratio", version="6") is None
    assert case.metric("recommended_catalogue_ratio", version="6") is None
    # Another model has a version of that number, too.
    write_log(case.log, [*logs, prediction_log([["i39"]], [ITEMS[:15]], model="another")])
    assert case.watch(f"--model={case.folder / 'models'}", "--max-length-drift=1") == 0
    assert case.metric("unknown_items_ratio", model="mclrec", version="7") is None
    (case.folder / "models").rename(case.folder / "mclrec")
    assert case.watch(f"--model={case.folder / 'mclrec'}", "--max-length-drift=1") == 3
    assert case.metric("unknown_items_ratio", model="mclrec", version="7") == 0.5
    assert case.metric("unknown_items_ratio", model="another") is None
    capsys.readouterr()
    assert case.watch(f"--model={case.folder}") == 1
    assert "contains no version of a model" in capsys.readouterr().err


def test_of_several_answers_before_one_event_the_last_counts(case: Case) -> None:
    history = [(f"u{user}", item, NOON + n) for user in range(20) for n, item in enumerate(ITEMS)]
    shuffled = [(user, f"{user}-{item}", moment) for user, item, moment in history]
    write_events(case.data, shuffled)
    logs = []
    for user in range(20):
        served = [f"u{user}-{item}" for item in ITEMS[:5]]
        wrong, right = ITEMS[:20], [f"u{user}-{ITEMS[5]}", *ITEMS[:19]]
        for moment, best in ((4, wrong), (5, right)):  # the events are at 4 and at 5
            logs.append(prediction_log([served], [best], [5], time=NOON + moment))
    write_log(case.log, logs)
    case.watch()
    assert case.metric("answers", outcome="joined", version="7") == 40
    assert case.metric("predictions", version="7") == 20
    assert case.metric("hit_ratio", cutoff="5", version="7") == 1


def test_what_cannot_be_joined_is_counted_by_its_reason(case: Case) -> None:
    write_events(
        case.data,
        [("a", "i1", NOON), ("a", "i2", NOON + 9), ("b", "i3", NOON), ("c", "i3", NOON)],
    )
    asked = [[], ["i9"], ["i3"], ["i1", "i2"], ["i1"]]
    logs = [prediction_log([h], [ITEMS[:20]], [len(h)], time=NOON + 9) for h in asked]
    write_log(case.log, logs)
    case.watch()
    for outcome in ("empty", "unmatched", "ambiguous", "pending", "joined"):
        assert case.metric("answers", outcome=outcome, version="7") == 1
    assert case.metric("hit_ratio", cutoff="10", version="7") == 1  # i2 follows i1


def test_a_log_without_times_is_joined_by_histories_alone(
    case: Case, capsys: pytest.CaptureFixture
) -> None:
    case.data.write_text("user_id,item_id\na,i1\na,i2\n")
    write_log(case.log, [prediction_log([["i1"]], [ITEMS[:20]], [1], time=NOON)])
    assert case.watch("--timestamp-column=") == 0
    assert "has no times since 1970, so requests are joined by" in capsys.readouterr().out
    assert case.metric("predictions", version="7") == 1


def test_only_requests_without_histories(case: Case, capsys: pytest.CaptureFixture) -> None:
    similar = prediction_log([["x"]], signature="similar_items")
    del similar.predict_log.request.inputs["history"]
    similar.log_metadata.timestamp_secs = NOON
    write_log(case.log, [similar])
    assert case.watch() == 0
    assert capsys.readouterr().out == f"Written to {case.folder / 'page.html'}\n"
    assert case.metric("requests", signature="similar_items") == 1
    assert case.metric("histories") == 0
    assert case.metric("last_answer_timestamp_seconds", version="7") == NOON


def test_the_page_can_be_read_on_a_phone(case: Case) -> None:
    long = "a-model-whose-name-has-no-place-to-break" * 3
    log = prediction_log([["i1"]], [["x" * 300] * 20], [1], time=NOON, model=long)
    write_log(case.log.with_name("b.tfrecord"), [log] * 3)
    case.watch()
    seen = look_at(case.page, case.folder)
    assert seen["outside"] == []
    assert seen["scrollWidth"] <= PHONE_WIDTH
    assert seen["sections"] == ["online"] and seen["scripts"] == 0
    assert min(seen["pictures"]) > 200


def test_names_from_outside_do_no_harm(case: Case) -> None:
    bad = "<script>alert('x')</script>$x$"
    log = prediction_log([[bad] * 3], [[bad] * 20], [3], time=NOON, model=bad)
    log.predict_log.response.outputs["item_ids"].string_val[1] = b"caf\xe9"
    write_log(case.log, [log] * 3)
    write_events(case.data, [("a", bad, NOON), ("a", bad, NOON + 1), ("a", "i2", NOON + 2)])
    assert case.watch() == 0
    assert "<script" not in case.page and "caf\ufffd" in case.page


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-unknown-items=1.5"], "--max-unknown-items must be from 0 to 1, got 1.5"),
        (["--min-rows=0"], "--min-rows must be at least 1, got 0"),
        (["--since=yesterday"], "'yesterday' is not a time such as 2026-01-31T10:15"),
        (["--since=9999-12-31T23:59-14:00"], "of the years 1 to 9999 in UTC"),
        (["--since=0001-01-01T00:00+14:00"], "of the years 1 to 9999 in UTC"),
        (["--metrics=metrics.txt"], "--metrics must end in .prom"),
    ],
)
def test_wrong_options(case: Case, capsys, options: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as end:
        case.watch(*options)
    assert end.value.code == 2
    assert said in re.sub(r"\s+", " ", capsys.readouterr().err)


def test_what_cannot_be_watched(case: Case, capsys: pytest.CaptureFixture) -> None:
    data = case.data.read_text()
    case.data.write_text("user_id,item_id,timestamp\n")
    assert case.watch() == 1
    assert "events.csv" in capsys.readouterr().err
    case.data.write_text(data + "a,,1800000000\n" * 1000)
    assert case.watch() == 1
    assert "of the rows cannot be used" in capsys.readouterr().err
    case.data.write_text(data)
    for nothing, said in ((b"", ""), (b"hello\n", "a.tfrecord: holds no whole record")):
        case.log.write_bytes(nothing)
        assert case.watch() == 1
        told = capsys.readouterr().err
        assert told.startswith(f"{case.log.parent}{'/' * bool(said)}{said}")
        assert "no request was logged" in told
    case.log.unlink()
    assert case.watch() == 1
    assert "no file matches" in capsys.readouterr().err


@pytest.mark.integration
def test_from_a_server_with_two_versions_to_the_page(tmp_path: Path) -> None:
    """Both protocols, a rollout and an export of before; then the events; all is joined."""
    case = Case(tmp_path, users=0)
    case.log.unlink()
    models = tmp_path / "models" / "mclrec"
    write_export(models / "1", ITEMS, k=20, model_type=EarlierVersion)
    write_export(models / "2", ITEMS[:35], k=20, seed=1)
    config = single_model("mclrec", str(models))
    config.model_config_list.config[0].model_version_policy.all.SetInParent()
    random = np.random.default_rng(1)
    begun = int(time.time()) - 100
    histories = users_with(random, 60)
    events = [
        (f"u{number}", item, begun + n)
        for number, history in enumerate(histories)
        for n, item in enumerate(history)
    ]
    chosen = []
    with running_server(config, request_log=RequestLog(str(case.log.parent))) as server:
        for number, history in enumerate(histories):
            address, protocol = ((server.grpc, "grpc"), (server.rest, "rest"))[number % 2]
            version = 1 + (number >= 30)
            with RecommendationClient(address, protocol=protocol, version=version) as client:
                chosen.append(client.recommend(history, k=20)[number % 20].item_id)
    events += [
        (f"u{number}", item, begun + 1000) for number, item in enumerate(chosen)
    ]  # the items at places 1 to 20, each three times
    write_events(case.data, events)
    assert case.watch(f"--model={models}", "--max-unknown-items=0.5", "--max-length-drift=1") == 0
    for version, places in (("1", range(30)), ("2", range(30, 60))):
        assert case.metric("predictions", version=version) == 30
        for cutoff in (5, 10, 20):
            hits = sum(place % 20 < cutoff for place in places)
            found = case.metric("hit_ratio", cutoff=str(cutoff), version=version)
            assert found == pytest.approx(hits / 30)
    unknown = [item for history in histories[30:] for item in history if item in ITEMS[35:]]
    share = len(unknown) / sum(map(len, histories[30:]))
    assert case.metric("unknown_items_ratio", version="1") == 0  # by the list of its items
    assert case.metric("unknown_items_ratio", version="2") == pytest.approx(share)
