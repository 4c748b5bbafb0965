"""The vectors of two views of a sample of users: t-SNE and collapse, as in Figures 2 and 5."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paper.plan import Planned
from benchmarks.paper.runs import Run, split_log
from benchmarks.paper.tables import Part, part, rows_of
from benchmarks.plots import plot_file
from mclrec_tf.data.batches import evaluation_batches
from mclrec_tf.data.histories import Histories
from pipeline.whole_file import whole_file

USERS = 1_000
LEARNED, ENCODED = ("z1", "z2"), ("h1", "h2")
_COLLAPSE = {
    "alignment": "alignment",
    "uniformity": "uniformity",
    "positive_similarity": "similarity within a user",
    "negative_similarity": "similarity between users",
    "effective_rank_1": "effective rank of view 1",
    "effective_rank_2": "effective rank of view 2",
}


def measure(run: Run) -> None:
    """Draws two views of up to `USERS` training histories, and keeps their vectors.

    They are encoded without dropout: h̃1 and h̃2, and z̃1 and z̃2 of the augmenters.
    """
    file = run.beside("views.npz")
    if file.exists():
        return
    from mclrec_tf.layers.padded_history import lengths_of, most_recent
    from mclrec_tf.layers.views import View

    splits, _ = split_log(run.log, run.k_core)
    model = run.trained_model()
    known = np.flatnonzero(splits.train.lengths)
    sample = known[np.linspace(0, len(known) - 1, min(USERS, len(known))).astype(int)]
    chosen = Histories.from_lists([splits.train[user].tolist() for user in sample])
    found: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in (*ENCODED, *LEARNED)}
    for history, _ in evaluation_batches(chosen, np.zeros(len(sample), np.int32)):
        recent = most_recent(history, model.encoder.max_length)
        views = model.stochastic_views(View(recent, lengths_of(recent)))
        for h, z, view, augmenter in zip(ENCODED, LEARNED, views, model.augmenters, strict=True):
            # As an array it has no mask, which Keras would miss in the augmenter.
            encoded = np.asarray(
                model.encoder(view.ids, view.lengths, last_only=True, training=False)
            )
            found[h].append(encoded)
            found[z].append(np.asarray(augmenter(encoded)))
    with whole_file(file) as unfinished, unfinished.open("wb") as opened:
        h1, h2, z1, z2 = (np.concatenate(found[name]) for name in (*ENCODED, *LEARNED))
        np.savez(opened, h1=h1, h2=h2, z1=z1, z2=z2)


def vectors(run: Run, names: Sequence[str]) -> list[npt.NDArray[np.float32]]:
    """Vectors of the sample by their names in `ENCODED` or `LEARNED`, each `[users, d]`."""
    with np.load(run.beside("views.npz"), allow_pickle=False) as found:
        return [found[name] for name in names]


def collapse(first: npt.ArrayLike, second: npt.ArrayLike) -> dict[str, float]:
    """How far two views of the same users, `[users, d]` each, have collapsed.

    Lengths of the vectors play no part, as in the augmenters' own output.
    """
    import keras

    from mclrec_tf.training.collapse import CollapseDiagnostics

    unit = [keras.ops.normalize(np.asarray(rows, np.float32), axis=-1) for rows in (first, second)]
    diagnostics = CollapseDiagnostics(dim=int(unit[0].shape[-1]))
    diagnostics.update_state(*unit)
    return {
        metric.name.replace("rank_z", "rank_"): round(float(metric.result()), 6)
        for metric in diagnostics.metrics
    }


def t_sne(
    first: npt.NDArray[Any], second: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The two views of the same users in one plane, `[users, 2]` each."""
    from sklearn.manifold import TSNE

    rows = np.concatenate([first, second])
    plane = TSNE(perplexity=min(30.0, (len(rows) - 1) / 3), random_state=0).fit_transform(rows)
    return plane[: len(first)], plane[len(first) :]


def show(
    title: str,
    data: str,
    planned: Sequence[Planned],
    against: str,
    stem: Path,
    names: Sequence[str],
) -> list[Part]:
    """A t-SNE of the first seed of each variant, and the numbers of collapse over all seeds.

    Args:
        title: Of the study.
        data: Name of the data set.
        planned: Its runs.
        against: Name of the variant from which the others are subtracted.
        stem: First part of the names of the images.
        names: `LEARNED` or `ENCODED`.
    """
    first = {variant.name: run for variant, run in reversed(planned)}
    planes = {name: t_sne(*vectors(first[name], names)) for name in reversed(first)}
    file = stem.with_suffix(".png")
    _plot(file, planes, names)
    plane_numbers = {
        variant: {name: plane.round(2).tolist() for name, plane in zip(names, both, strict=True)}
        for variant, both in planes.items()
    }
    image = Part(f"![{title}, {data}]({file.name})", [{"image": file.name, "t_sne": plane_numbers}])
    rows = rows_of(planned, lambda run: collapse(*vectors(run, names)))
    heading = f"{data}, views of training histories"
    return [image, part(heading, rows, _COLLAPSE, against, compared=_COLLAPSE)]


def _plot(
    file: Path, planes: Mapping[str, Sequence[npt.NDArray[Any]]], names: Sequence[str]
) -> None:
    with plot_file(file, (5 * len(planes), 5), columns=len(planes)) as axes:
        for axis, (variant, plane) in zip(np.ravel(axes), planes.items(), strict=True):
            for name, points in zip(names, plane, strict=True):
                axis.scatter(*points.T, s=6, alpha=0.6, label=name)
            axis.set_title(variant, loc="left", fontsize=11)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.legend()
