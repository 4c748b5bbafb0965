"""Versions of one export that give different answers, and the answer of each."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.predict_calls import History, Ranking, history_array


class DistinctVersions:
    """Copies of an export in which every item has another name than in the previous version.

    The lines of the vocabulary are rotated, so the answers of a version follow from the export.

    Args:
        export: Folder of a SavedModel whose vocabulary is the one file in `assets`.
        histories: The histories of the requests, of items of the vocabulary.
    """

    def __init__(self, export: Path, histories: Sequence[History]):
        from serving.devserver.servables.servable import Servable

        [self._vocabulary] = (export / "assets").iterdir()
        self._export = export
        self._names = self._vocabulary.read_text().splitlines()
        self._id_of = {name: number for number, name in enumerate(self._names)}
        self._histories = histories
        self._servable = Servable("mclrec", 1, export)
        self._rankings: dict[tuple[int, int], Ranking] = {}

    def write(self, folder: Path, version: int) -> None:
        """Writes a version and computes its answers."""
        from mclrec_tf.export.checksums import write_checksums

        shift = version % len(self._names)
        shutil.copytree(self._export, folder)
        rotated = self._names[shift:] + self._names[:shift]
        vocabulary = folder / "assets" / self._vocabulary.name
        vocabulary.write_text("".join(f"{name}\n" for name in rotated))
        write_checksums(str(folder))
        for question, history in enumerate(self._histories):
            self._rankings[version, question] = self._rank(history, shift)

    def ranking(self, version: int, question: int) -> Ranking:
        """The answer of a version that was written to the history of a number."""
        return self._rankings[version, question]

    def close(self) -> None:
        """Frees the model of the export."""
        self._servable.close()

    def _rank(self, history: History, shift: int) -> Ranking:
        signature = self._servable.signatures["serving_default"]
        item_ids, scores = self._servable.run(
            {signature.inputs["history"].name: history_array(self._renamed(history, -shift))},
            [signature.outputs[name].name for name in ("item_ids", "scores")],
        )
        names = [item.decode() for item in item_ids[0]]
        return Ranking(self._renamed(names, shift), scores[0].tolist())

    def _renamed(self, names: History, shift: int) -> list[str]:
        """Names of items in one version, from their names in the version that is `shift` behind."""
        size = len(self._names)
        return [name and self._names[(self._id_of[name] + shift) % size] for name in names]
