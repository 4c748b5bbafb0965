"""The settings of a run, each with its explanation, and their form as JSON for the components.

`pipeline.cli.setting_options` turns them into options of the commands. Imports nothing heavy, so
that `--help` answers at once.
"""

import argparse
import csv
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_type_hints

from serving.export_contract import MAX_HISTORY_LENGTH
from serving.item_names import FileAndColumn, file_and_column

if TYPE_CHECKING:
    from mclrec_tf.data.event_log.reader import EventLogFormat
    from mclrec_tf.data.time_split import Periods

_Settings = TypeVar("_Settings")

MONITOR = re.compile(r"val_(all|unseen)_items_(hit_rate|ndcg|mrr)_at_(5|10|20)")


PresetName = Literal["recommended", "paper", "reference"]
EncoderName = Literal["sasrec", "post_norm_sasrec", "bsarec", "gru4rec"]
UpdateRule = Literal["", "alternating", "alternating_refine", "joint", "maml", "maml_first_order"]
"""The names of `mclrec_tf`'s update rules; "" is the one of the preset."""

LOG_OPTIONS = (
    "user_column",
    "item_column",
    "timestamp_column",
    "columns",
    "separator",
    "where",
)
"""The settings that say how a log is read: the fields of `mclrec_tf`'s EventLogFormat."""


def setting(default: Any, help: str, may_be_empty: bool = False) -> Any:
    """A dataclass field that becomes a command-line option.

    Args:
        default: The default.
        help: The help text of the option.
        may_be_empty: Whether "" is a value that the option accepts. If False, "" is only the
            default, which means that the option was not given.
    """
    return field(default=default, metadata={"help": help, "may_be_empty": may_be_empty})


def without_none(type_: Any) -> Any:
    """The type of a setting's value: `float` for `float | None`, whose None means "left out"."""
    kinds = [kind for kind in get_args(type_) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(type_) else type_


def option(name: str) -> str:
    """The command-line option of a setting: `lambda_` is `--lambda`."""
    return "--" + name.strip("_").replace("_", "-")


def _require(name: str, value: float | None, at_least: float, below: float = float("inf")) -> None:
    """Refuses a value out of its range; None, a value left out, is in it."""
    if value is None:
        return
    if not at_least <= value < below:
        limits = f"at least {at_least:g}"
        if below < float("inf"):
            limits += f" and below {below:g}"
        raise ValueError(f"{option(name)} must be {limits}, got {value:g}.")


def _require_one_of(name: str, value: Any, names: tuple[str, ...]) -> None:
    if value is not None and value not in names:
        known = ", ".join(each or '""' for each in names)
        raise ValueError(f"{option(name)} must be one of {known}, got {value!r}.")


def _require_share(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"{option(name)} must be from 0 to 1, got {value:g}.")


@dataclass(frozen=True)
class DataSettings:
    """How the event log is read, filtered and split.

    Raises:
        ValueError: A value is out of range, or two settings contradict each other.
    """

    user_column: str = setting("user_id", "column that names the user")
    item_column: str = setting("item_id", "column that names the item")
    timestamp_column: str = setting(
        "timestamp",
        'column with the time of the event; "" takes the order of the rows for that of the events',
        may_be_empty=True,
    )
    columns: str = setting(
        "",
        "names of the columns of a log without a header, for example user,item,-,timestamp "
        "(with =, as --columns=-,user,item, if - comes first); "
        "user,item,... if each line is a user and all items, oldest first",
    )
    separator: str = setting("", "what separates the columns of a text log; detected by default")
    where: str = setting(
        "",
        'condition on the rows to use, for example "event == \'view\'" or "rating >= 4"; by '
        "default all rows are used",
    )
    k_core: int = setting(5, "drop users and items with fewer events than this, until none is left")
    max_bad_rows: float = setting(
        0.01, "largest share of unusable rows, from 0 to 1; with more, the command stops"
    )
    schema: str = setting(
        "",
        "file with the limits that the data must keep, instead of pipeline/schema/schema.pbtxt; "
        "data that break a limit stop the run before training",
        may_be_empty=True,
    )
    window_spans: int = setting(
        0,
        "number of the newest spans to read of a log with {SPAN}, or {YYYY}, {MM} and {DD}, in its "
        "path; 0 reads all",
    )
    split: Literal["leave_one_out", "time"] = setting(
        "leave_one_out",
        "what is held out: each user's last two events (leave_one_out), or all events after a "
        "cut-off (time)",
    )
    validation_period: int = setting(
        0,
        "with --split time: length of the period for validation, which ends where that of the test "
        "begins, in the log's unit (seconds if the log has dates)",
    )
    test_period: int = setting(
        0,
        "with --split time: length of the period for the test, which ends with the newest event, "
        "in the log's unit (seconds if the log has dates)",
    )

    def __post_init__(self) -> None:
        _require("k_core", self.k_core, 0)
        _require("window_spans", self.window_spans, 0)
        for name in ("validation_period", "test_period"):
            if self.split == "time":
                _require(name, getattr(self, name), 1)
            elif getattr(self, name):
                raise ValueError(
                    f"{option(name)}: applies to --split time only. Add that, or leave this out."
                )
        if self.columns or self.separator or self.where:
            _ = self.format  # Raises ValueError if it cannot be used.
        if self.split == "time" and not self.timestamp_column:
            raise ValueError(
                "--split time: needs the times of the events. Name their column with "
                "--timestamp-column."
            )
        _require_share("max_bad_rows", self.max_bad_rows)

    @property
    def format(self) -> "EventLogFormat":
        """How the log is read.

        Raises:
            ValueError: The settings of the log contradict each other, or `where` cannot be read.
        """
        from mclrec_tf.data.event_log.reader import EventLogFormat

        return EventLogFormat(**{name: getattr(self, name) for name in LOG_OPTIONS})

    @property
    def periods(self) -> "Periods | None":
        """What a split by time holds out. None for the split leave_one_out."""
        from mclrec_tf.data.time_split import Periods

        is_by_time = self.split == "time"
        return Periods(self.validation_period, self.test_period) if is_by_time else None


@dataclass(frozen=True)
class ModelSettings:
    """The encoder and the MCLRec objective.

    Raises:
        ValueError: A value is out of range, or two settings contradict each other.
    """

    preset: PresetName = setting(
        "recommended",
        "what is taken for every setting that is left out and has no default here: what has done "
        "best (recommended), the paper, or the reference code of its authors",
    )
    encoder: EncoderName | None = setting(
        None,
        "sequence encoder: SASRec as the authors of MCLRec have it (post_norm_sasrec), or with the "
        "block of its own paper (sasrec); BSARec, which also weighs recent events against "
        "long-term interests; or GRU4Rec",
    )
    members: int | None = setting(
        None,
        "how many encoders learn apart and score together (an ensemble); each costs as much as one",
    )
    dim: int = setting(64, "size of the item and sequence vectors of each encoder")
    num_layers: int = setting(2, "Transformer blocks of the encoder")
    num_heads: int | None = setting(
        None, "attention heads; must divide --dim; the encoder's own default if left out"
    )
    max_length: int = setting(
        50, "number of the most recent events of a history that the model reads; at most 1,000"
    )
    dropout: float = setting(0.5, "dropout rate of the encoder in training")
    positions: Literal["default", "from_start", "from_end"] = setting(
        "default",
        "which item of a history has the first position, the oldest that is read (from_start) or "
        "the newest (from_end); default is the encoder's own; gru4rec has no positions",
    )
    update_rule: UpdateRule = setting(
        "",
        "in which order a batch updates encoder and augmenters, by name; by default as the preset "
        "does",
    )
    views: Literal["contrast", "training_data"] = setting(
        "contrast",
        "what the stochastic views are for: to be contrasted (contrast), or to predict the next "
        "item too, without contrast and augmenters (training_data)",
    )
    share_augmenters: bool = setting(False, "one augmenter for both views")
    label_smoothing: float | None = setting(
        None, "share of the right answer that is spread evenly over the catalogue, from 0 to 1"
    )
    item_dropout: float | None = setting(
        None, "share of a history's items that training hides from the encoder, from 0 to 1"
    )
    counts: bool | None = setting(
        None,
        "join the scores with what counting the training histories tells: which items follow those "
        "of the history, which come with them, and which of the history itself come again",
    )
    item_start: Literal["random", "co_occurrence"] | None = setting(
        None,
        "what the vectors of the items start from: random, or which items stand near each other in "
        "the training histories (co_occurrence), which saves epochs; a warm start has its own",
    )
    lambda_: float | None = setting(
        None, "weight of the contrastive loss between the two stochastic views"
    )
    beta: float | None = setting(None, "weight of the contrastive loss with the learned views")
    regularization: float | None = setting(
        None, "weight of the contrastive regularization, as a multiple of --beta"
    )
    temperature: float | None = setting(
        None, "temperature of the contrastive loss between the two stochastic views"
    )
    learned_temperature: float | None = setting(
        None, "temperature of the contrastive loss with the learned views"
    )
    similarity: Literal["inner_product", "cosine"] | None = setting(
        None, "how two views are compared: by inner products, as in the paper, or by cosines"
    )
    mask: float = setting(
        0.5, "share of a history's items that the mask operation hides, from 0 to 1"
    )
    crop: float = setting(
        0.5, "share of a history's items that the crop operation keeps, from 0 to 1"
    )
    reorder: float = setting(
        0.8, "share of a history's items that the reorder operation shuffles, from 0 to 1"
    )
    similar_items: bool = setting(
        False,
        "also draw views by substituting and inserting items that stand together in the training "
        "histories (CoSeRec)",
    )

    def __post_init__(self) -> None:
        for name in ("dim", "num_layers"):
            _require(name, getattr(self, name), 1)
        _require("max_length", self.max_length, 1, below=MAX_HISTORY_LENGTH + 1)
        _require("dropout", self.dropout, 0, 1)
        for name in ("lambda_", "beta", "regularization"):
            _require(name, getattr(self, name), 0)
        for name in ("temperature", "learned_temperature"):
            _require(name, getattr(self, name), 1e-12)
        for name in ("mask", "crop", "reorder", "label_smoothing", "item_dropout"):
            _require_share(name, getattr(self, name))
        # The command line refuses other names by itself; a search or an edited trainer_config
        # comes here.
        types = get_type_hints(type(self))
        names = ("encoder", "positions", "preset", "update_rule", "views", "similarity")
        for name in (*names, "item_start"):
            _require_one_of(name, getattr(self, name), get_args(without_none(types[name])))
        if self.encoder == "gru4rec" and self.positions != "default":
            raise ValueError(
                f"--positions: gru4rec has no positions, got {self.positions}. Leave this out, or "
                "choose another --encoder."
            )
        if self.members is not None:
            _require("members", self.members, 1)
        if self.num_heads is not None:
            _require("num_heads", self.num_heads, 1)
            if self.dim % self.num_heads:
                raise ValueError(
                    f"--num-heads must divide --dim, {self.dim}, got {self.num_heads}."
                )


@dataclass(frozen=True)
class TrainingSettings:
    """How the model is trained.

    Raises:
        ValueError: A value is out of range.
    """

    epochs: int | None = setting(
        None,
        "largest number of epochs; if left out, the preset's: 200, or where the learning rate "
        "falls to the end, as in the preset recommended, 14 and at least 1,800 batches",
    )
    patience: int = setting(10, "stop after this many epochs without an improvement of --monitor")
    monitor: str = setting(
        "val_unseen_items_ndcg_at_10",
        "validation metric that decides which epoch is the best: "
        "val_{all,unseen}_items_{hit_rate,ndcg,mrr}_at_{5,10,20}",
    )
    batch_size: int = setting(1024, "number of predictions in a training batch")
    schedule: Literal["causal", "prefix"] = setting(
        "causal",
        "predict every item of a history in one pass (causal), or from every prefix in a pass of "
        "its own, as the authors do (prefix)",
    )
    learning_rate: float | None = setting(None, "Adam's learning rate for the encoder")
    learning_rate_decay: Literal["none", "cosine"] | None = setting(
        None, "whether that falls, along a half cosine, to 0 at the end of --epochs"
    )
    weight_decay: float | None = setting(
        None, "decoupled weight decay of the encoder, but not of its biases and norms"
    )
    augmenter_learning_rate: float = setting(1e-3, "Adam's learning rate for the augmenters")
    warmup_steps: int = setting(
        0, "number of steps in which the encoder's learning rate rises to its value"
    )
    clipnorm: float = setting(
        0.0, "largest norm of the gradient of each weight of the encoder; 0 limits nothing"
    )
    ema: float | None = setting(
        None,
        "momentum of the exponential moving average of the encoder's weights, for example 0.99; "
        "the averaged weights are validated and exported; 0 averages nothing",
    )
    start_from: Literal["scratch", "blessed"] = setting(
        "scratch",
        "initial weights: random (scratch), or those of the latest blessed model of other data, if "
        "there is one, for the items that it knows (blessed)",
    )
    seed: int = setting(
        0, "seed of initial weights, order of the batches, augmentations and dropout"
    )

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_size"):
            _require(name, getattr(self, name), 1)
        if not MONITOR.fullmatch(self.monitor):
            raise ValueError(f"--monitor must match {MONITOR.pattern}, got {self.monitor!r}.")
        _require("learning_rate", self.learning_rate, 1e-12)
        _require("ema", self.ema, 0, 1)
        _require_one_of("learning_rate_decay", self.learning_rate_decay, ("none", "cosine"))
        for name in ("warmup_steps", "weight_decay", "clipnorm"):
            _require(name, getattr(self, name), 0)
        _require("augmenter_learning_rate", self.augmenter_learning_rate, 1e-12)


@dataclass(frozen=True)
class TuningSettings:
    """The search for hyperparameters by the validation metric, before the final training.

    Raises:
        ValueError: A value is out of range.
    """

    trials: int = setting(
        0,
        "number of trainings with different hyperparameters, of which the best are used; 0 "
        "searches nothing",
    )
    search_space: str = setting(
        "",
        'JSON file with the values to try, {"beta": [0.01, 0.1], "dropout": [0.2, 0.5]}; by '
        "default the paper's grids",
        may_be_empty=True,
    )

    def __post_init__(self) -> None:
        _require("trials", self.trials, 0)


@dataclass(frozen=True)
class BlessingSettings:
    """What a model must reach on the test users to be pushed: NDCG@10, and more on request.

    Raises:
        ValueError: A value is out of range.
    """

    min_ndcg: float = setting(0.0, "lowest NDCG@10, from 0 to 1; 0 requires nothing")
    min_lift: float = setting(
        1.05,
        "lowest NDCG@10 divided by that of popularity, and by that of recency; where a baseline "
        "comes near 1, its distance to 1 divided by that of the model instead; the counted "
        "transitions (who follows whom in training) must be reached, but no more than 1 is asked "
        "over them; 0 requires nothing",
    )
    max_drop: float = setting(
        0.1,
        "largest share of the latest blessed model's NDCG@10 that may be lost on the same users: "
        "the confidence interval over all users must prove that the loss is smaller, and that over "
        "no slice may prove that it is larger; 1 requires nothing",
    )
    confidence: float = setting(
        0.95, "confidence of the intervals, over all users and for all slices together"
    )
    min_slice_users: int = setting(
        30, "slices of fewer test users are shown, but cannot refuse a model"
    )
    min_coverage: float = setting(
        0.0,
        "smallest share of the catalogue that the 10 best items of all test users together hold; "
        "the value decides, it has no interval; 0 requires nothing",
    )
    max_gini: float = setting(
        1.0,
        "largest Gini index of how often items are among the 10 best, from 0 (all equally often) "
        "to 1 (the same ones for all); the value decides, it has no interval; 1 requires nothing",
    )
    max_popularity: float = setting(
        1.0,
        "largest mean popularity of the 10 best items, the share of training users who had them; "
        "the confidence interval over the test users must prove it, as for those that follow; 1 "
        "requires nothing",
    )
    min_novelty: float = setting(
        0.0,
        "smallest mean novelty of the 10 best items in bits, -log2 of their popularity; 0 requires "
        "nothing",
    )
    max_similarity: float = setting(
        1.0,
        "largest mean cosine, from -1 to 1, of the model's vectors of each two of the 10 best "
        "items; 1 requires nothing",
    )
    max_repeats: float = setting(
        1.0,
        "largest share of the 10 best of all items that the history holds already; 1 requires "
        "nothing",
    )

    def __post_init__(self) -> None:
        _require_share("min_ndcg", self.min_ndcg)
        _require("min_lift", self.min_lift, 0)
        _require_share("max_drop", self.max_drop)
        _require("confidence", self.confidence, 0.5, 1)
        _require("min_slice_users", self.min_slice_users, 2)
        for name in ("min_coverage", "max_gini", "max_popularity", "max_repeats"):
            _require_share(name, getattr(self, name))
        _require("min_novelty", self.min_novelty, 0)
        if not -1 <= self.max_similarity <= 1:
            raise ValueError(f"--max-similarity must be from -1 to 1, got {self.max_similarity:g}.")


@dataclass(frozen=True)
class ReleaseSettings:
    """What goes out of a model that is blessed.

    Raises:
        ValueError: A value is out of range.
    """

    refit: bool = setting(
        False,
        "after the decision, let the blessed model go on over every event, those of validation and "
        "test included, and push the result",
    )
    min_agreement: float = setting(
        0.3,
        "smallest share of the 10 best items that a model of --refit must have in common with the "
        "evaluated one, the mean over users; otherwise the evaluated one is pushed; 0 requires "
        "nothing",
    )

    def __post_init__(self) -> None:
        _require_share("min_agreement", self.min_agreement)


@dataclass(frozen=True)
class PageSettings:
    """What the page about a run shows beside ids; nothing else depends on it.

    Raises:
        ValueError: A value cannot be used.
    """

    item_names: str = setting(
        "",
        "FILE:COLUMN, for example items.csv:title, to show names beside the ids of items: a column "
        "of the table of the catalogue (CSV or other tables with a header, JSON lines, Parquet, "
        "also packed), with one row an item; the ids are in its column --item-column, or in the "
        "first one if it has none of that name",
    )

    def __post_init__(self) -> None:
        _ = self.names

    @property
    def names(self) -> FileAndColumn | None:
        """The file and the column of `item_names`. None if it was not given."""
        if not self.item_names:
            return None
        try:
            return file_and_column(self.item_names)
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"--item-names {error}") from error


@dataclass(frozen=True)
class CatalogueSettings:
    """The table of the catalogue: features of items, and items that have no events yet.

    Raises:
        ValueError: A column has two roles, or there are columns without a table.
    """

    items: str = setting(
        "",
        "table of the catalogue (CSV or other tables with a header, JSON lines, Parquet, also "
        "packed), with one row an item: the model learns what its columns say of the items, and "
        "recommends also items that have no event yet; the ids are in its column --item-column, "
        "or in the first one if it has none of that name",
    )
    item_categories: str = setting(
        "",
        "columns of --items with categories, for example genres,brand, whose fields have one value "
        "or several between |; a name with a comma stands in quotes, as in "
        "'genres,\"made in, by\"'; with neither this nor --item-vectors, all columns are used that "
        "tell something",
    )
    item_vectors: str = setting(
        "",
        "columns of --items with vectors, for example embeddings of texts or images: lists of "
        "numbers, or numbers between spaces; named as for --item-categories",
    )

    def __post_init__(self) -> None:
        for name in ("item_categories", "item_vectors"):
            if getattr(self, name) and not self.items:
                raise ValueError(f"{option(name)}: applies to --items only. Add that.")
        names = [*(self.category_names or ()), *(self.vector_names or ())]
        if "" in names or len({*names}) < len(names):
            raise ValueError(
                "--item-categories and --item-vectors must name each column once, between commas, "
                f"got {self.item_categories!r} and {self.item_vectors!r}. Put a name with a comma "
                "in quotes."
            )

    @property
    def category_names(self) -> list[str] | None:
        """The columns of `item_categories`. None if no column is named."""
        return _names(self.item_categories) if self._has_names else None

    @property
    def vector_names(self) -> list[str] | None:
        """The columns of `item_vectors`. None if no column is named."""
        return _names(self.item_vectors) if self._has_names else None

    @property
    def _has_names(self) -> bool:
        return bool(self.item_categories or self.item_vectors)


def _names(text: str) -> list[str]:
    """The names between commas; one with a comma stands in quotes, as in the header of a table."""
    try:
        rows = [*csv.reader([text], skipinitialspace=True, strict=True)]
    except csv.Error as error:
        raise ValueError(
            f"--item-categories and --item-vectors: {text!r} is no list of names between commas "
            f"({error}). Put a name with a comma in quotes, and double the quotes in it."
        ) from None
    return [name.strip() for row in rows for name in row]


@dataclass(frozen=True)
class Settings:
    """All settings of a run.

    Raises:
        ValueError: Two settings do not go together.
    """

    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    tuning: TuningSettings = TuningSettings()
    blessing: BlessingSettings = BlessingSettings()
    page: PageSettings = PageSettings()
    release: ReleaseSettings = ReleaseSettings()
    catalogue: CatalogueSettings = CatalogueSettings()

    def __post_init__(self) -> None:
        if self.release.refit and self.data.split == "time":
            raise ValueError(
                "--refit needs --split leave_one_out: Examples that are split by time hold of each "
                "user one event after the cut-offs, and not every event."
            )


def to_json(settings: Any) -> str:
    """The values of a dataclass of settings, which may contain others, as JSON for a component."""
    return json.dumps(asdict(settings))


def from_json(kind: type[_Settings], values: str | Mapping[str, Any]) -> _Settings:
    """Makes a dataclass of settings from JSON.

    Args:
        kind: The dataclass.
        values: What `to_json` has written, or a dictionary that was parsed from it already, as TFX
            passes `custom_config` to the Trainer.

    Raises:
        ValueError: A value is out of range.
    """
    found = json.loads(values) if isinstance(values, str) else values
    types = get_type_hints(kind)
    return kind(
        **{
            name: from_json(types[name], value) if is_dataclass(types[name]) else value
            for name, value in found.items()
        }
    )
