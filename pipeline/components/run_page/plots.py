"""The pictures of the page, as SVG elements for HTML."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from mclrec_tf.evaluation.ranks import POLICIES
from pipeline.components.blessing.intervals import mean_of
from pipeline.components.evaluator.paired_moments import LATEST_BLESSED, MODEL
from pipeline.components.evaluator.results import SliceResult
from pipeline.components.evaluator.slices import judged_policy
from pipeline.components.trainer.learned_views import LearnedViews
from pipeline.html_page.pictures import BLUE, GREY, ORANGE, STYLE, svg

_COLLAPSE = {
    "alignment": "alignment",
    "uniformity": "uniformity",
    "positive_similarity": "similarity, same user",
    "negative_similarity": "similarity, other users",
    "effective_rank_z1": "effective rank of z̃1",
    "effective_rank_z2": "effective rank of z̃2",
}


def loss_curves(epochs: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """The learning curves of the losses' terms: one picture per term, by its name."""
    others = {*_COLLAPSE, "learning_rate"}
    terms = [name for name in epochs[0] if not name.startswith("val_") and name not in others]
    terms.sort(key=lambda name: (name != "loss", name != "rec_loss", name))
    return {name: _curves(epochs, {name: name}) for name in terms}


def validation_curves(epochs: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """The learning curves of the validation metrics: one picture per metric, with both policies."""
    return {
        label: _curves(
            epochs, {policy: f"val_{policy}_{metric}_at_10" for policy in reversed(POLICIES)}
        )
        for metric, label in (("ndcg", "NDCG@10"), ("hit_rate", "HR@10"), ("mrr", "MRR@10"))
    }


def collapse_curves(epochs: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """The learning curves of the signs of collapse, none for a model without learned views."""
    return {
        label: _curves(epochs, {label: name})
        for name, label in _COLLAPSE.items()
        if name in epochs[0]
    }


def _curves(epochs: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> str:
    with rc_context(STYLE):
        figure = Figure(figsize=(2.6, 1.7), layout="constrained")
        axes = figure.add_subplot()
        numbers = range(1, len(epochs) + 1)
        for (label, name), color in zip(names.items(), (BLUE, ORANGE), strict=False):
            values = [epoch[name] for epoch in epochs]
            axes.plot(numbers, values, color=color, lw=1.6, marker="o", ms=2.4, label=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        if len(names) > 1:
            axes.legend(frameon=False, fontsize=8, handlelength=1)
        return svg(figure)


def projection(views: LearnedViews) -> tuple[str, float]:
    """A t-SNE plot of the views of some users, with a line between the two views of a user.

    Returns:
        The picture, and the share of the variance that two principal components explain. The share
        is needed because t-SNE spreads out points even if they lie on a line.
    """
    both = np.concatenate(views)
    planar = min(2, *both.shape)
    share = float(PCA(planar).fit(both).explained_variance_ratio_.sum()) if both.std() else 1.0
    perplexity = min(30.0, (len(both) - 1) / 3)
    with np.errstate(invalid="ignore", divide="ignore"):
        points = TSNE(perplexity=perplexity, init="random", random_state=0).fit_transform(both)
    first, second = np.split(points, 2)
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 3.4), layout="constrained")
        axes = figure.add_subplot()
        pairs = np.stack([first, second], axis=1).transpose(2, 1, 0)
        axes.plot(*pairs, color=GREY, lw=0.4, alpha=0.5, zorder=1)
        for (x, y), color, label in ((first.T, BLUE, "z̃1"), (second.T, ORANGE, "z̃2")):
            axes.scatter(x, y, s=9, color=color, alpha=0.75, lw=0, label=label, zorder=2)
        axes.set_axis_off()
        axes.legend(frameon=False, loc="best", markerscale=1.6)
        return svg(figure), share


def slices(results: Mapping[str, SliceResult], confidence: float) -> str:
    """NDCG@10 with its interval in every slice, for this model and the latest blessed one."""
    names = list(results)[::-1]
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 0.6 + 0.34 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        _slice_points(axes, results, names, MODEL, confidence, ("this model", BLUE, 0.12))
        if any(result.latest_blessed_metrics for result in results.values()):
            style = ("latest blessed", ORANGE, -0.12)
            _slice_points(axes, results, names, LATEST_BLESSED, confidence, style)
        axes.set_yticks(range(len(names)), [name.replace("target_", "") for name in names])
        axes.set_xlim(left=0)
        axes.grid(axis="x", color="#e4e6ea", lw=0.8)
        axes.set_axisbelow(True)
        figure.legend(frameon=False, loc="outside upper center", ncols=2, fontsize=8)
        return svg(figure)


def _slice_points(
    axes: Axes,
    results: Mapping[str, SliceResult],
    names: Sequence[str],
    who: str,
    confidence: float,
    style: tuple[str, str, float],
) -> None:
    label, color, shift = style
    for position, name in enumerate(names):
        mean, interval = mean_of(results[name].moments[judged_policy(name)], who, confidence)
        low, high = interval or (mean, mean)
        errors = [[mean - low], [high - mean]]
        axes.errorbar(
            mean, position + shift, xerr=errors, fmt="o", ms=4, color=color, lw=1.2, capsize=0,
            label=None if position else label,
        )  # fmt: skip
