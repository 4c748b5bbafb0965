"""The method as the paper states it, and as the authors' code does it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mclrec_tf.layers.item_embedding import ItemEmbedding
from mclrec_tf.layers.views import Crop, Mask, Reorder, StochasticViews, ViewOperation
from mclrec_tf.training.objectives import Objective, ReferenceObjective


@dataclass(frozen=True)
class Preset:
    """One reading of the method.

    Attributes:
        objective: Class of the objectives L0 and L1.
        update_rule: Name of the update rule, see `mclrec_tf.training.update_rules`.
        mask_token: Whether masked items become the mask token; the padding otherwise.
        padding_is_candidate: Whether the training softmax runs over the padding's row too.
    """

    objective: type[Objective]
    update_rule: str
    mask_token: bool
    padding_is_candidate: bool

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
    "paper": Preset(Objective, "alternating", mask_token=True, padding_is_candidate=False),
    "reference": Preset(
        ReferenceObjective, "alternating_refine", mask_token=False, padding_is_candidate=True
    ),
}
