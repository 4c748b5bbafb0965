"""Another library's SASRec on the same log, split, cores and ranking policies as our models.

    python -m benchmarks.peers --data LOG --seed 0 --epochs 20 --out runs/results

writes runs/results/rectools-sasrec-<log>-0.json in the form of `benchmarks.quality`, so that
`benchmarks.table` and `benchmarks.time_to_quality` show it beside ours. The peer is RecTools'
SASRec with its full softmax. It runs in an environment of its own, which is made with venv and pip
under --out unless --environment names another, 5 GB with PyPI's PyTorch for Linux. The peer trains
and tells a vector for every user and item; ranks are counted here, by the rule that ranks our
models. An item without training events has none of these vectors: it ranks behind all others, as do
the targets of a user who has no other item. The epoch is chosen on validation, and the test split
is read once. A run that was killed goes on from its last epoch when the same command is given
again.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from benchmarks.command import benchmark_parser
from benchmarks.kept_results import UnusableResult, check_asked, read_result
from benchmarks.peer_environment import Peer, peer_python, versions
from benchmarks.provenance import log_digest, print_json, provenance, write_json
from benchmarks.quality import by_policy, data_name, learning_curve, result_name, state_folder
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors
from pipeline.cli.setting_options import add_options, chosen
from pipeline.settings import option, setting

METHOD = "rectools-sasrec"
_PEER = Peer("rectools[torch]", ("RecTools", "numpy", "pytorch-lightning", "torch"))
_PROGRAM = Path(__file__).with_name("peer_rectools.py")
_BATCH = 256
_MONITOR = "val_unseen_items_ndcg_at_10"
"""The metric that decides the best epoch."""


@dataclass(frozen=True)
class PeerSettings:
    """Model and training of the peer."""

    dim: int = setting(64, "size of the vectors")
    num_layers: int = setting(2, "Transformer blocks")
    num_heads: int = setting(2, "attention heads; must divide --dim")
    max_length: int = setting(50, "most recent items of a history that are read")
    dropout: float = setting(0.5, "dropout rate")
    batch_size: int = setting(128, "users in a batch")
    learning_rate: float = setting(1e-3, "Adam's learning rate")
    epochs: int = setting(100, "most epochs to train")
    patience: int = setting(10, "stop after this many epochs without a better one")

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, int) and value < 1:
                raise ValueError(f"{option(one.name)} must be at least 1, got {value}.")


def run(
    log: Path, seed: int, settings: PeerSettings, k_core: int, python: Path, state: Path
) -> dict[str, Any]:
    """Trains the peer to its end, and reads the test split once.

    Args:
        log: Path of the event log.
        seed: Seed of the peer's random numbers.
        settings: Model and training.
        k_core: Fewest events of each user and of each item.
        python: The Python of the peer's environment.
        state: Folder of the unfinished run; the caller removes it once the result is written.

    Returns:
        The result without its name, as it is written to the file.

    Raises:
        PeerError: The peer ended by itself.
    """
    from mclrec_tf.data.histories import leave_one_out
    from mclrec_tf.data.interactions import load_interactions

    interactions = load_interactions(str(log), k_core=k_core)
    splits = leave_one_out(interactions.histories)
    num_items = len(interactions.item_ids)
    of_here = provenance()
    histories = {
        "train": splits.train,
        "validation": splits.validation.histories,
        "test": splits.test.histories,
    }
    state.mkdir(parents=True, exist_ok=True)
    for split, found in histories.items():
        np.save(state / f"{split}_items.npy", found.items)
        np.save(state / f"{split}_lengths.npy", found.lengths)
    told = {**asdict(settings), "seed": seed, "num_items": num_items}
    write_json(state / "settings.json", told)
    history = _train(settings, splits.validation, python, state)
    curve = learning_curve(history, _MONITOR)
    began = monotonic()
    test = _metrics(_epoch(state, curve["best_epoch"]), "test", splits.test)
    return {
        "data": data_name(log),
        "method": METHOD,
        "seed": seed,
        "k_core": k_core,
        "log_sha256": log_digest(log),
        "configuration": asdict(settings),
        **of_here,
        "packages": of_here["packages"] | versions(python, _PEER),
        "users": len(splits.train),
        "items": num_items,
        "training_events": len(splits.train.items),
        **curve,
        "test": by_policy(test),
        "test_seconds": round(monotonic() - began, 3),
        "peak_memory_gb": round(max(row["peak_memory_gb"] for row in history), 3),
    }


def _train(
    settings: PeerSettings, validation: Any, python: Path, state: Path
) -> list[dict[str, float]]:
    """The logs of every epoch; of the epochs' folders the best and the newest are kept."""
    file = state / "history.json"
    history: list[dict[str, float]] = json.loads(file.read_text()) if file.exists() else []
    if _is_finished(history, settings):
        return history
    for abandoned in state.glob("unfinished-*"):
        shutil.rmtree(abandoned)
    with _peer(python, state) as peer:
        while True:
            done = peer.epochs()
            if done > len(history):
                row = json.loads((_epoch(state, done) / "told.json").read_text())
                began = monotonic()
                found = _metrics(_epoch(state, done), "validation", validation)
                # What it takes to tell the vectors is a part of validation.
                row["validation_seconds"] = row.pop("vectors_seconds") + monotonic() - began
                history.append(row | {f"val_{name}": value for name, value in found.items()})
                write_json(file, history)
                value = found[_MONITOR.removeprefix("val_")]
                print(
                    f"       epoch {done:>3}/{settings.epochs}  loss {row['loss']:.4f}  "
                    f"{_MONITOR} {value:.4f}  {row['training_seconds']:.1f} s",
                    flush=True,
                )
            kept = {_epoch(state, number) for number in (done, _best(history))}
            for folder in set(state.glob("epoch-*")) - kept:
                shutil.rmtree(folder)
            if _is_finished(history, settings):
                return history
            peer.go_on()


def _best(history: list[dict[str, float]]) -> int:
    """The number of the best epoch; 0 before the first."""
    values = [row[_MONITOR] for row in history]
    return values.index(max(values)) + 1 if values else 0


def _is_finished(history: list[dict[str, float]], settings: PeerSettings) -> bool:
    without_better = len(history) - _best(history)
    return len(history) >= settings.epochs or (
        bool(history) and without_better >= settings.patience
    )


def _epoch(state: Path, number: int) -> Path:
    return state / f"epoch-{number:03}"


def _metrics(folder: Path, split: str, held_out: Any) -> dict[str, float]:
    """Ranks by inner products of the vectors of an epoch, and their metrics."""
    # Imported now, so that --help answers at once.
    import tensorflow as tf

    from mclrec_tf.data.batches import evaluation_batches, evaluation_order
    from mclrec_tf.evaluation.offline import summarize
    from mclrec_tf.evaluation.ranks import Ranks, target_ranks

    items = np.load(folder / "items.npy", allow_pickle=False)
    users = np.load(folder / f"{split}_users.npy", allow_pickle=False)
    users = users[evaluation_order(held_out.histories)]
    unknown = np.isnan(items).any(axis=1)
    table = tf.constant(np.nan_to_num(items))
    found = []
    for at, (history, target) in enumerate(
        evaluation_batches(held_out.histories, held_out.targets, _BATCH)
    ):
        scores = tf.matmul(users[at * _BATCH : (at + 1) * _BATCH], table, transpose_b=True)
        found.append(target_ranks(tf.where(unknown, -np.inf, scores), target, history))
    return summarize(Ranks(*(tf.concat(parts, 0) for parts in zip(*found, strict=True))))


class PeerError(Exception):
    """The peer's process ended by itself."""


class _Peer:
    """The process of the peer, which trains an epoch each time that it is told to."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def epochs(self) -> int:
        """Waits for the peer, and says how many epochs it has trained in all."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(
                f"{_PROGRAM.name} ended with status {self._process.wait()}; what it wrote is "
                "above. The same command goes on from the last epoch. If it ends so again, remove "
                "the peer's environment, and it is made anew."
            )
        return json.loads(line)["epochs"]

    def go_on(self) -> None:
        """Lets the peer train another epoch."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # `epochs` tells
            print("on", file=self._process.stdin, flush=True)


@contextmanager
def _peer(python: Path, state: Path) -> Iterator[_Peer]:
    """Starts the peer; when the block ends, its input ends, and it with it."""
    # Isolated, because names of modules here are those of modules elsewhere.
    command = [str(python), "-I", str(_PROGRAM), str(state)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield _Peer(process)
        except BaseException:
            process.kill()
            raise


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> int | None:
    parser = benchmark_parser("peers", __doc__, "runs/results")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--data", type=path, metavar="LOG", help="event log")
    which.add_argument(
        "--quick", action="store_true", help="one epoch on 300 simulated users, to see it run"
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--name", type=result_name, default=METHOD, help=f"default: {METHOD}")
    parser.add_argument("--k-core", type=int, default=5, help="as in load_interactions; default: 5")
    parser.add_argument(
        "--environment",
        type=path,
        help="folder of the peer's environment, which is made if need be; default: in --out",
    )
    add_options(parser.add_argument_group("settings of the peer"), PeerSettings)
    options = parser.parse_args(arguments)
    try:
        settings = chosen(options, PeerSettings)
    except ValueError as error:
        parser.error(str(error))
    log = options.data
    if options.quick:
        log, settings = _quick_log(options.out / "quick.txt"), replace(settings, epochs=1)
    file = options.out / f"{options.name}-{data_name(log)}-{options.seed}.json"
    asked = {
        "method": METHOD,
        "k_core": options.k_core,
        "log_sha256": log_digest(log),
        "configuration": asdict(settings),
    }
    if file.exists():
        try:
            result = read_result(file)
            check_asked(file, result, asked)
        except UnusableResult as error:
            parser.error(str(error))
        print(f"{file} is there already")
    else:
        state = state_folder(options.out, file.stem, asked)
        try:
            python = peer_python(options.environment or options.out / "peers" / "rectools", _PEER)
            result = run(log, options.seed, settings, options.k_core, python, state)
        except PeerError as error:
            print(error, file=sys.stderr)
            return 1
        result["name"] = options.name
        write_json(file, result)
        shutil.rmtree(state, ignore_errors=True)
        with suppress(OSError):  # other runs are unfinished
            state.parent.rmdir()
    for policy, metrics in result["test"].items():
        shown = (f"{key} {metrics[key]:.4f}" for key in ("hit_rate_at_10", "ndcg_at_10"))
        print(f"{file.stem}  test {policy}: {', '.join(shown)}")
    if options.json:
        print_json(result)
    return None


def _quick_log(file: Path) -> Path:
    """Writes the histories of simulated users, a line for each."""
    from benchmarks.synthetic import beauty_like

    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        " ".join([f"user{user}", *map(str, history)])
        for user, history in enumerate(beauty_like(300, 60))
    ]
    file.write_text("\n".join(lines) + "\n")
    return file


if __name__ == "__main__":
    sys.exit(main())
