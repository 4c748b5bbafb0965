"""A run: a model, a log and a seed, which are trained once, whichever studies ask for them.

Its files lie in one folder under a name that follows from what it is, not from the study or the
machine: the folders of several machines can be copied into one.
"""

import functools
import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import quality
from benchmarks.kept_results import UnusableResult, read_result
from benchmarks.provenance import log_digest, write_json
from benchmarks.settings import BASELINES, RunSettings, settings_for
from mclrec_tf.data.histories import Splits, leave_one_out
from mclrec_tf.data.interactions import load_interactions
from pipeline.whole_file import whole_file


@dataclass(frozen=True)
class Run:
    """A run, finished or not.

    Attributes:
        log: Path of the event log.
        method: One of `benchmarks.settings.METHODS`.
        seed: Seed of all random numbers.
        settings: Model, objective, optimizer and schedule; baselines ignore them.
        k_core: Fewest events of each user and of each item.
        folder: Folder of the files of all runs.
    """

    log: Path
    method: str
    seed: int
    settings: RunSettings
    k_core: int
    folder: Path

    @property
    def data(self) -> str:
        """Name of the data set."""
        return quality.data_name(self.log)

    @property
    def name(self) -> str:
        """What the seeds of a model have in common.

        Settings that have their default are left out, so that a setting that is added to the
        benchmarks later leaves the names of finished runs as they are.
        """
        known = (log_digest(self.log), self.method, self.k_core, self._not_default())
        key = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        return f"{quality.default_name(self.method, self.settings)}-{key[:12]}"

    @property
    def file(self) -> Path:
        """The result, written last: where it is, the run is finished."""
        return self.beside("json")

    def beside(self, ending: str) -> Path:
        """Another file of the run."""
        return self.folder / f"{self.name}-{self.data}-{self.seed}.{ending}"

    def train(self) -> None:
        """Trains, unless the run is finished; goes on where it was killed.

        Raises:
            UnusableResult: As `result`.
        """
        state = quality.state_folder(self.folder, self.file.stem)
        if self.file.exists():
            self.result()  # refuses one of other defaults
        else:
            self._train(state)
        quality.remove_state(state)

    def result(self) -> dict[str, Any]:
        """What `benchmarks.quality` writes.

        Raises:
            UnusableResult: Settings that had their default have another one now.
        """
        found = read_result(self.file)
        now = {} if self.method in BASELINES else asdict(self.settings)
        then = found["configuration"]
        # A setting that was added later has, by its default, what runs from before were made with.
        both = then.keys() & now.keys()
        if changed := sorted(name for name in both if then[name] != now[name]):
            raise UnusableResult(
                f"{self.file}: was trained with another {', '.join(changed)} than is the default "
                "now. Remove it to train anew, or give another --out."
            )
        return found

    def test_ranks(self) -> npt.NDArray[np.int32]:
        """Ranks of the test targets, `[2, U]`: under all_items and under unseen_items.

        Raises:
            UnusableResult: They are not beside the result.
        """
        with _of_the_run(self.beside("ranks.npy")) as file:
            return np.load(file, allow_pickle=False)

    def trained_model(self) -> Any:
        """The model with the weights of its best epoch.

        Raises:
            UnusableResult: The weights are not beside the result.
        """
        import keras

        from benchmarks.training import model_of

        with (
            _of_the_run(self.beside("weights.npz")) as file,
            np.load(file, allow_pickle=False) as kept,
        ):
            weights = [kept[f"arr_{place}"] for place in range(len(kept.files))]
        splits, num_items = split_log(self.log, self.k_core)
        keras.utils.set_random_seed(self.seed)
        model = model_of(self.settings, splits.train, num_items, self.seed)
        model.set_weights(weights)
        return model

    def _train(self, state: Path) -> None:
        import keras

        keras.backend.clear_session()  # frees the graphs of the run before
        result = quality.run(
            self.log, self.method, self.seed, self.settings, state, self.k_core, keep=self._keep
        )
        write_json(self.file, {**result, "name": self.name})

    def _keep(self, scorer: Any, ranks: Any) -> None:
        """Writes what the studies need of a trained model beside its metrics."""
        with whole_file(self.beside("ranks.npy")) as unfinished, unfinished.open("wb") as file:
            np.save(file, np.asarray(ranks, np.int32), allow_pickle=False)
        if self.method not in BASELINES:
            with (
                whole_file(self.beside("weights.npz")) as unfinished,
                unfinished.open("wb") as file,
            ):
                np.savez(file, *scorer.get_weights())

    def _not_default(self) -> dict[str, Any]:
        if self.method in BASELINES:
            return {}
        # Those of the preset, because a run holds its values for what was left out.
        preset = {"preset": self.settings.preset}
        defaults = asdict(settings_for("", self.method, preset)) | {"preset": RunSettings().preset}
        values = asdict(self.settings)
        return {name: value for name, value in values.items() if value != defaults[name]}


@functools.lru_cache(maxsize=1)
def split_log(log: Path, k_core: int) -> tuple[Splits, int]:
    """The parts of a log, and the size of its catalogue."""
    interactions = load_interactions(str(log), k_core=k_core)
    return leave_one_out(interactions.histories), len(interactions.item_ids)


@contextmanager
def _of_the_run(file: Path) -> Iterator[Path]:
    try:
        yield file
    except (FileNotFoundError, ValueError, zipfile.BadZipFile) as error:
        is_there = "damaged" if file.exists() else "not there"
        raise UnusableResult(
            f"{file}: {is_there}, though the run is finished. Copy it from the machine that "
            "trained it, or remove the .json of the run to train anew."
        ) from error
