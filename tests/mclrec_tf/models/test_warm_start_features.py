"""A warm start where items have features: they come, go and change, and scores stay."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from mclrec_tf.models.warm_start import warm_start

BEFORE = [f"item-{n}" for n in range(12)]  # the last two are cold
AFTER = ["item-10", *BEFORE[8:2:-1], "new", "item-1", "item-11", "newer"]  # the last three are
GENRES = {name: [f"genre-{n % 4}", f"genre-{n % 3}"] for n, name in enumerate(BEFORE)}
GENRES |= {"new": ["genre-3"], "newer": ["genre-1", "genre-new"]}
RANDOM = np.random.default_rng(2)
TEXT = {name: RANDOM.normal(size=3).astype(np.float32) for name in GENRES}


def features_of(
    items: list[str],
    num_cold: int,
    genres: Mapping[str, list[str]] | None = GENRES,
    text: Mapping[str, np.ndarray] | None = TEXT,
    **more: Mapping[str, list[str]],
) -> ItemFeatures:
    lists = {"genres": genres} if genres else {}
    categories = {
        name: ItemCategories.from_lists([column[item] for item in items])
        for name, column in (lists | more).items()
    }
    vectors = {}
    if text:
        rows = [text[item] for item in items]
        vectors["text"] = np.stack([np.zeros_like(rows[0]), *rows])
    return ItemFeatures(categories, vectors, num_cold)


def new_model(items: list[str], features: ItemFeatures | None) -> NextItemModel:
    model = NextItemModel(
        SASRec(len(items), dim=8, max_length=5, num_layers=1, dropout=0.0), item_features=features
    )
    model.compile(keras.optimizers.Adam(0.01, use_ema=True), run_eagerly=True)
    return model


def previous_model(features: ItemFeatures | None) -> NextItemModel:
    """As if trained: chance for all weights, and for what the optimizer keeps."""
    model = new_model(BEFORE, features)
    random = np.random.default_rng(0)
    for variable in [*model.trainable_variables, *model.optimizer.variables]:
        if len(variable.shape):
            variable.assign(random.uniform(0.01, 0.2, variable.shape))
    return model


PREVIOUS = features_of(BEFORE, 2)


def vectors(model: NextItemModel, items: list[str]) -> dict[str, np.ndarray]:
    return dict(zip(items, model.item_vectors().numpy()[1:], strict=True))


KNOWN_AND_NOT_COLD = AFTER[:7]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (PREVIOUS, features_of(AFTER, 3)),
        (None, features_of(AFTER, 3)),
        (features_of(BEFORE, 0), None),
        (PREVIOUS, None),
        (PREVIOUS, features_of(AFTER, 3, genres=None)),
        (PREVIOUS, features_of(AFTER, 3, text=None)),
        (PREVIOUS, features_of(AFTER, 3, text={name: TEXT[name][:2] for name in TEXT})),
        (PREVIOUS, features_of(AFTER, 3, brand={name: [name[:5]] for name in TEXT})),
        (PREVIOUS, features_of(AFTER, 3, text={name: 100 * TEXT[name] for name in TEXT})),
    ],
    ids=["both", "come", "go", "go with cold", "no genres", "no text", "width", "brand", "length"],
)
def test_vectors_and_scores_of_known_items_stay(
    earlier: ItemFeatures | None, later: ItemFeatures | None
) -> None:
    previous, model = previous_model(earlier), new_model(AFTER, later)
    assert warm_start(model, previous, AFTER, BEFORE) == 9
    before, after = vectors(previous, BEFORE), vectors(model, AFTER)
    for name in KNOWN_AND_NOT_COLD:
        np.testing.assert_allclose(after[name], before[name], atol=1e-5)
    scores = [
        one([[names.index(item) + 1 for item in ("item-10", "item-5", "item-4")]]).numpy()[0]
        for one, names in ((previous, BEFORE), (model, AFTER))
    ]
    for name in KNOWN_AND_NOT_COLD:
        np.testing.assert_allclose(
            scores[1][AFTER.index(name) + 1], scores[0][BEFORE.index(name) + 1], atol=1e-4
        )
    # Averages begin from the weights.
    table = model.encoder.item_embedding.table
    name = f"{table.path.replace('/', '_')}_average"
    (average,) = [v for v in model.optimizer.variables if v.name == name]
    np.testing.assert_array_equal(average, table)


def test_new_and_cold_items_start_with_what_their_features_say() -> None:
    previous, model = previous_model(PREVIOUS), new_model(AFTER, features_of(AFTER, 3))
    warm_start(model, previous, AFTER, BEFORE)
    features = previous.item_features
    assert features is not None

    def said(name: str) -> np.ndarray:
        values = features.values["genres"]
        tables = features.value_vectors["genres"].numpy()
        learned = [tables[values.index(v)] if v in values else 0 * tables[0] for v in GENRES[name]]
        length = np.mean([np.linalg.norm(TEXT[item]) for item in BEFORE])
        return np.mean(learned, axis=0) + TEXT[name] / length @ features.projections["text"].numpy()

    after = vectors(model, AFTER)
    for name in AFTER[-3:]:  # of "newer" one genre is new, too, and says nothing yet
        np.testing.assert_allclose(after[name], said(name), atol=1e-5)
    # "item-10" was cold and has events now: its own part begins at zero.
    np.testing.assert_allclose(after["item-10"], said("item-10"), atol=1e-5)
    # "new" has events: its own part begins where the rarest of the earlier ones stand.
    own = previous.encoder.item_embedding.table.numpy()[10]  # the rarest tenth of ten
    np.testing.assert_allclose(after["new"], said("new") + own, atol=0.15)


def test_other_vectors_of_the_few_items_that_have_any_are_another_feature() -> None:
    few = {name: text if n < 4 else 0 * text for n, (name, text) in enumerate(TEXT.items())}
    other = {name: text[::-1].copy() for name, text in few.items()}
    previous = previous_model(features_of(BEFORE, 2, None, few))
    for text, is_carried in ((few, True), (other, False)):
        model = new_model(BEFORE, features_of(BEFORE, 2, None, text))
        warm_start(model, previous, BEFORE, BEFORE)
        assert model.item_features is not None
        assert bool(model.item_features.projections["text"].numpy().any()) == is_carried


def test_the_optimizer_goes_on_by_the_values() -> None:
    previous, model = previous_model(PREVIOUS), new_model(AFTER, features_of(AFTER, 3))
    warm_start(model, previous, AFTER, BEFORE)

    def slot(of: NextItemModel, name: str) -> np.ndarray:
        (variable,) = [v for v in of.optimizer.variables if v.name == f"features_{name}"]
        return variable.numpy()

    new, earlier = model.item_features, previous.item_features
    assert new is not None and earlier is not None
    for kind in ("momentum", "velocity"):
        ours, theirs = slot(model, f"values_0_{kind}"), slot(previous, f"values_0_{kind}")
        for row, value in enumerate(new.values["genres"]):
            known = value in earlier.values["genres"]
            expected = theirs[earlier.values["genres"].index(value)] if known else 0
            np.testing.assert_array_equal(ours[row], expected)
        np.testing.assert_array_equal(
            slot(model, f"projection_0_{kind}"), slot(previous, f"projection_0_{kind}")
        )


def test_a_model_from_a_file_knows_its_values(tmp_path: Path) -> None:
    previous = previous_model(PREVIOUS)
    previous.save(tmp_path / "previous.keras")
    loaded = keras.models.load_model(tmp_path / "previous.keras")
    models: list[Any] = []
    for one in (previous, loaded):
        keras.utils.set_random_seed(0)
        models.append(new_model(AFTER, features_of(AFTER, 3)))
        warm_start(models[-1], one, AFTER, BEFORE)
    for ours, theirs in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_that_does_not_know_its_values_is_refused() -> None:
    previous = previous_model(PREVIOUS)
    bare = NextItemModel.from_config(previous.get_config())
    model = new_model(AFTER, features_of(AFTER, 3))
    before = [weight.numpy() for weight in model.weights]
    with pytest.raises(ValueError, match="previous: the values of 'genres' are not known: load"):
        warm_start(model, bare, AFTER, BEFORE)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
