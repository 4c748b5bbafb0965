"""The method as the paper states it, and as the authors' code does it."""

from dataclasses import dataclass

from mclrec_tf.objectives import Objective, ReferenceObjective
from mclrec_tf.update_rules import Alternating, AlternatingRefine


@dataclass(frozen=True)
class Preset:
    """One reading of the method.

    Attributes:
        objective: Class of the objectives L0 and L1.
        update_rule: Class of the update rule.
        mask_token: Whether hidden items become the mask token; the padding otherwise.
        padding_is_candidate: Whether the training softmax runs over the padding's row too.
    """

    objective: type[Objective]
    update_rule: type[Alternating]
    mask_token: bool
    padding_is_candidate: bool


PRESETS = {
    "paper": Preset(Objective, Alternating, mask_token=True, padding_is_candidate=False),
    "reference": Preset(
        ReferenceObjective, AlternatingRefine, mask_token=False, padding_is_candidate=True
    ),
}
