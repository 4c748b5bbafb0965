"""The method as the paper states it, as the authors' code does it, and as it has done best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mclrec_tf.layers.item_embedding import ItemEmbedding
from mclrec_tf.layers.views import Crop, Mask, Reorder, StochasticViews, ViewOperation
from mclrec_tf.training.objectives import Objective, ReferenceObjective


@dataclass(frozen=True)
class Preset:
    """One reading of the method, with a value for everything that a caller leaves out.

    Attributes:
        objective: The objectives L0 and L1 with their weights and temperatures.
        update_rule: Name of the update rule, see `mclrec_tf.training.update_rules`.
        mask_token: Whether masked items become the mask token; the padding otherwise.
        padding_is_candidate: Whether the training softmax runs over the padding's row too.
        encoder: Name of the encoder, see `mclrec_tf.encoders.ENCODERS`.
        members: How many of it learn apart and score together, see `mclrec_tf.EncoderEnsemble`.
        label_smoothing: Share of the right answer that is spread evenly over the catalogue.
        item_dropout: Share of a history's items that L_rec hides from the encoder.
        learning_rate: Adam's, of the encoder.
        weight_decay: Decoupled, of the encoder's weights but biases and norms.
        ema: Momentum of the encoder's averaged weights; 0 averages none.
        counts: Whether what counting knows joins the scores, see `mclrec_tf.ItemCounts`.
        learning_rate_decay: How that falls, see `mclrec_tf.training.learning_rate`.
        least_epochs, least_steps: How long a training lasts at most when it is not told: as many
            epochs as make both. A rate that falls has to know where training ends.
        item_start: `"random"`, or `"co_occurrence"`, see `mclrec_tf.models.item_start`.
    """

    objective: Objective
    update_rule: str = "alternating"
    mask_token: bool = True
    padding_is_candidate: bool = False
    encoder: str = "post_norm_sasrec"
    members: int = 1
    label_smoothing: float = 0.0
    item_dropout: float = 0.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    ema: float = 0.99
    counts: bool = False
    item_start: str = "random"
    learning_rate_decay: str = "none"
    least_epochs: int = 200
    least_steps: int = 0

    def epochs(self, batches: int) -> int:
        """The most epochs to train for when it is not told.

        Args:
            batches: Batches of an epoch.
        """
        return max(self.least_epochs, -(-self.least_steps // batches))

    def objective_with(self, **given: Any) -> Objective:
        """The objective with other weights; those that are None stay the preset's."""
        return replace(
            self.objective, **{name: value for name, value in given.items() if value is not None}
        )

    def stochastic_views(
        self,
        items: ItemEmbedding,
        seed: int | None,
        operations: Sequence[ViewOperation] | None = None,
    ) -> StochasticViews:
        """The two views of Eq. 4; when no operations are given, with those of the paper.

        Every layer made here has a seed of its own; operations that are given keep theirs.
        """
        if operations is None:
            operations = self.operations(items, seed)
        return StochasticViews(operations, seed=_offset(seed, 3))

    def operations(
        self,
        items: ItemEmbedding,
        seed: int | None,
        mask: float = 0.5,
        crop: float = 0.5,
        reorder: float = 0.8,
    ) -> list[ViewOperation]:
        """Mask, crop and reorder, by default with the shares of a history of the paper.

        Their seeds are `seed` and the two after it.
        """
        token = items.mask_token if self.mask_token else 0
        return [
            Mask(mask, token=token, seed=seed),
            Crop(crop, seed=_offset(seed, 1)),
            Reorder(reorder, seed=_offset(seed, 2)),
        ]


def _offset(seed: int | None, by: int) -> int | None:
    return None if seed is None else seed + by


PRESETS = {
    "paper": Preset(Objective()),
    "reference": Preset(
        ReferenceObjective(),
        "alternating_refine",
        mask_token=False,
        padding_is_candidate=True,
        ema=0.0,
        learning_rate=1e-3,
    ),
    # What validation preferred, on Beauty but for the members; BUILD_NOTES.md has the numbers.
    "recommended": Preset(
        Objective(beta=0.1, similarity="cosine"),
        encoder="bsarec",
        members=3,
        label_smoothing=0.1,
        weight_decay=0.1,
        learning_rate=4e-3,
        learning_rate_decay="cosine",
        least_epochs=14,
        least_steps=1_800,
        ema=0.99,
        counts=True,
        item_start="co_occurrence",
    ),
}
"""The presets by name."""


def get_preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        ValueError: There is none.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f"preset must be one of {sorted(PRESETS)}, got {name!r}.")
    return PRESETS[name]
