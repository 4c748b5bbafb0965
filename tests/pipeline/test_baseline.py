"""A model is compared with the latest blessed model, never with itself."""

from tfx.types.standard_artifacts import Model, ModelBlessing

from pipeline.baseline import LatestOtherBlessedModelStrategy


def model(number: int) -> Model:
    artifact = Model()
    artifact.id = number
    return artifact


def blessing(number: int, blessed: bool = True) -> ModelBlessing:
    artifact = ModelBlessing()
    artifact.set_int_custom_property("current_model_id", number)
    artifact.set_int_custom_property("blessed", int(blessed))
    return artifact


def resolve(models: list[int], blessings: list[ModelBlessing], candidate: int) -> list[int]:
    resolved = LatestOtherBlessedModelStrategy().resolve_artifacts(
        None,
        {
            "model": [model(number) for number in models],
            "model_blessing": blessings,
            "candidate": [model(candidate)],
        },
    )
    assert [artifact.id for artifact in resolved["candidate"]] == [candidate]
    return [artifact.id for artifact in resolved["model"]]


def test_the_first_model_has_no_baseline():
    assert resolve([1], [], candidate=1) == []


def test_a_model_that_was_blessed_already_is_not_its_own_baseline():
    assert resolve([1], [blessing(1)], candidate=1) == []
    assert resolve([1, 2], [blessing(1), blessing(2)], candidate=2) == [1]


def test_the_latest_blessed_model_is_taken_and_refused_ones_are_passed_over():
    blessings = [blessing(1), blessing(2), blessing(3, blessed=False)]
    assert resolve([1, 2, 3, 4], blessings, candidate=4) == [2]


def test_an_older_candidate_is_compared_with_what_was_blessed_since():
    assert resolve([1, 2], [blessing(1), blessing(2)], candidate=1) == [2]
