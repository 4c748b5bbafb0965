"""Every public name of the library says what it takes, gives and refuses."""

import dataclasses
import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

MODULES = [
    "mclrec_tf",
    "mclrec_tf.data.batches",
    "mclrec_tf.data.histories",
    "mclrec_tf.data.interactions",
    "mclrec_tf.data.item_similarity",
    "mclrec_tf.data.k_core",
    "mclrec_tf.data.sample.sample_log",
    "mclrec_tf.data.time_split",
    "mclrec_tf.encoders",
    "mclrec_tf.evaluation.baselines",
    "mclrec_tf.evaluation.beyond_accuracy",
    "mclrec_tf.evaluation.catalogue",
    "mclrec_tf.evaluation.decay",
    "mclrec_tf.evaluation.item_transitions",
    "mclrec_tf.evaluation.list_values",
    "mclrec_tf.evaluation.offline",
    "mclrec_tf.evaluation.ranking_metrics",
    "mclrec_tf.evaluation.ranks",
    "mclrec_tf.evaluation.recommended_lists",
    "mclrec_tf.evaluation.spread",
    "mclrec_tf.export.saved_model",
    "mclrec_tf.layers",
    "mclrec_tf.models.mclrec",
    "mclrec_tf.models.next_item_model",
    "mclrec_tf.models.sequential_recommender",
    "mclrec_tf.models.warm_start",
    "mclrec_tf.training.collapse",
    "mclrec_tf.training.early_stopping",
    "mclrec_tf.training.losses",
    "mclrec_tf.training.update_rules",
]


def public(module: str) -> Iterator[tuple[str, Any]]:
    """The functions and classes that a module offers, its own or those it names in `__all__`."""
    contents = import_module(module)
    for name in getattr(contents, "__all__", vars(contents)):
        thing = getattr(contents, name)
        own = hasattr(contents, "__all__") or getattr(thing, "__module__", "") == module
        if own and not name.startswith("_") and callable(thing):
            yield f"{module}.{name}", thing


NAMES = [pytest.param(thing, id=name) for module in MODULES for name, thing in public(module)]


def takes(thing: Any) -> list[str]:
    parameters = inspect.signature(thing).parameters.values()
    named = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return [name for name in named if name not in ("self", "name")]


def has_own_constructor(thing: type) -> bool:
    return "__init__" in vars(thing) and not dataclasses.is_dataclass(thing)


def source_of(thing: Any) -> str:
    if isinstance(thing, type):
        return inspect.getsource(thing.__init__) if has_own_constructor(thing) else ""
    return inspect.getsource(inspect.unwrap(thing))


@pytest.mark.parametrize("thing", NAMES)
def test_it_is_explained(thing: Any) -> None:
    text = inspect.getdoc(thing)
    assert text and text.splitlines()[0].endswith((".", ":", "?"))
    explained = isinstance(thing, type) and not has_own_constructor(thing)
    if len(takes(thing)) > 1 and not explained:
        assert "Args:" in text, "has no section Args"
        for name in takes(thing):
            assert f"{name}:" in text or f"{name}, " in text, f"says nothing of {name}"
    if "raise " in source_of(thing) and not isinstance(thing, type):
        assert "Raises:" in text


def test_what_is_offered_at_the_top_has_an_example() -> None:
    for name, thing in public("mclrec_tf"):
        if name != "mclrec_tf.SequenceEncoder":
            assert "Example:" in inspect.getdoc(thing), name
