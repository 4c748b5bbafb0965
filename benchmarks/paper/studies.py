"""What each study is: the runs that it compares, and how they are shown.

A study is data. Settings that a variant does not change are those of the command, else those chosen
for the data set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.settings import option


@dataclass(frozen=True)
class Variant:
    """One of the models that a study compares; every data set and seed has a run of it.

    Attributes:
        name: Its name in the study.
        changes: The settings that make it what it is.
        method: One of `benchmarks.settings.METHODS`.
        lambda_if_none: λ where it would be 0: without it the contrast of views would be nothing.
        paper: Its name in the paper's tables; empty if it is not there.
        setting: The setting that a curve varies; empty if it is no point of a curve.
        line: The curve that it is a point of.
        in_quick: Whether --quick has it.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    method: str = "mclrec"
    lambda_if_none: float = 0.0
    paper: str = ""
    setting: str = ""
    line: str = ""
    in_quick: bool = True

    @property
    def value(self) -> float:
        """Where a point of a curve stands on the axis of its setting."""
        return self.changes[self.setting]


@dataclass(frozen=True)
class Study:
    """An experiment.

    Attributes:
        title: Heading of its results.
        shown: What is made of its runs; a name of `benchmarks.paper.report.SHOWN`.
        variants: What it compares.
        against: Name of the variant from which the others are subtracted; empty for curves.
    """

    title: str
    shown: Literal["table", "groups", "curves", "noise", "learned_views", "encoded_views"]
    variants: tuple[Variant, ...]
    against: str = ""


def curve(
    setting: str, values: Sequence[float], line: str = "MCLRec", method: str = "mclrec"
) -> tuple[Variant, ...]:
    """The points of a curve; --quick has the first two.

    Args:
        setting: Name of the setting that varies.
        values: Its values.
        line: Name of the curve.
        method: As of `Variant`.
    """
    return tuple(
        Variant(
            f"{line}, {option(setting)} {value:g}",
            {setting: value},
            method,
            setting=setting,
            line=line,
            in_quick=number < 2,
        )
        for number, value in enumerate(values)
    )


_GRID = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
_BATCH_SIZES = (256, 128, 64, 32, 16)
_RATIOS = (0.5, 0.1, 0.3, 0.7, 0.9)

_POPULARITY = Variant("popularity", method="popularity")
_RECENCY = Variant("recency", method="recency")
_TRANSITIONS = Variant("transitions", method="transitions")
_ENCODER = Variant("encoder alone", method="encoder", paper="SASRec")
_CL4SREC = Variant("CL4SRec-like", {"beta": 0.0}, lambda_if_none=0.1, paper="CL4SRec")
_MCLREC = Variant("MCLRec", paper="MCLRec")
_WITHOUT_R = Variant("without R", {"regularization": 0.0}, paper="without R")
_TRAINING_DATA = Variant("data augmentation only", {"views": "training_data"})

STUDIES = {
    "table3": Study(
        "Table 3: methods",
        "table",
        (_POPULARITY, _RECENCY, _TRANSITIONS, _ENCODER, _CL4SREC, _MCLREC),
        against="MCLRec",
    ),
    "table4": Study(
        "Table 4: ablations",
        "table",
        (
            Variant("full", paper="MCLRec"),
            Variant("without L_cl1", {"lambda_": 0.0}, paper="without L_cl1"),
            # λ is 0 where the data set has no other, so L_cl1 has to be added to be seen.
            Variant("with L_cl1, --lambda 0.01", {"lambda_": 0.01}),
            Variant("without L_cl2", {"beta": 0.0}, lambda_if_none=0.1, paper="without L_cl2"),
            _WITHOUT_R,
            Variant("shared augmenter", {"share_augmenters": True}, paper="shared augmenter"),
            Variant("MCLRec-J", {"update_rule": "joint"}),
            _TRAINING_DATA,
        ),
        against="full",
    ),
    "table5": Study(
        "Table 5: users by number of actions",
        "groups",
        (_ENCODER, _CL4SREC, _MCLREC),
        against="MCLRec",
    ),
    "figure2": Study(
        "Figure 2: the learned views with and without R",
        "learned_views",
        (Variant("with R"), _WITHOUT_R),
        against="with R",
    ),
    "figure4": Study(
        "Figure 4: batch size",
        "curves",
        (
            *curve("batch_size", _BATCH_SIZES),
            *curve("batch_size", _BATCH_SIZES, "encoder alone", "encoder"),
        ),
    ),
    "figure5": Study(
        "Figure 5: the encoded views, trained jointly and alternately",
        "encoded_views",
        (Variant("alternating"), Variant("joint", {"update_rule": "joint"})),
        against="alternating",
    ),
    "figure6": Study(
        "Figure 6: λ and β", "curves", (*curve("lambda_", _GRID), *curve("beta", _GRID))
    ),
    "figure7": Study(
        "Figure 7: random items in test histories",
        "noise",
        (_ENCODER, _MCLREC),
        against="MCLRec",
    ),
    "first_experiments": Study(
        "First experiments: data augmentation only, no regularisation, meta-gradients",
        "table",
        (
            Variant("alternating", paper="MCLRec"),
            _TRAINING_DATA,
            _WITHOUT_R,
            Variant("MAML", {"update_rule": "maml"}),
            Variant("MAML, first order", {"update_rule": "maml_first_order"}),
        ),
        against="alternating",
    ),
    "sweeps": Study(
        "Sweeps: learning rate of the augmenters, regularisation, ratios of the views",
        "curves",
        (
            *curve("augmenter_learning_rate", (1e-3, 1e-4, 3e-4, 3e-3, 1e-2)),
            *curve("regularization", (0.1, 0.0, 0.05, 0.2, 0.5, 1.0)),
            *curve("mask", _RATIOS),
            *curve("crop", _RATIOS),
            *curve("reorder", (0.8, 0.2, 0.4, 0.6, 1.0)),
        ),
    ),
    "encoders": Study(
        "Encoders: each with MCLRec and alone",
        "table",
        tuple(
            Variant(f"{name} {encoder}", {"encoder": encoder}, method, in_quick=quick)
            for encoder, quick in (
                ("post_norm_sasrec", True),
                ("sasrec", False),
                ("bsarec", False),
                ("gru4rec", True),
            )
            for name, method in (("MCLRec on", "mclrec"), ("alone:", "encoder"))
        ),
        against="MCLRec on post_norm_sasrec",
    ),
    "other_data": Study(
        "Other data: short and long histories",
        "table",
        (
            _POPULARITY,
            _RECENCY,
            _TRANSITIONS,
            Variant("encoder alone, 50 items", {"max_length": 50}, "encoder"),
            Variant("encoder alone, 200 items", {"max_length": 200}, "encoder"),
            Variant("MCLRec, 50 items", {"max_length": 50}),
            Variant("MCLRec, 200 items", {"max_length": 200}),
        ),
        against="MCLRec, 200 items",
    ),
}
