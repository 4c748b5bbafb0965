"""Models that are better, worse or equal by construction, compared with every criterion."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from scipy import stats

from mclrec_tf.evaluation.ranks import POLICIES
from pipeline.components.blessing.criterion import NDCG, Criterion, Decision
from pipeline.components.blessing.decision import SERVABLE, decide
from pipeline.components.blessing.intervals import Bound, compare, mean_of
from pipeline.components.evaluator.list_features import MODEL as MODEL_LISTS
from pipeline.components.evaluator.paired_moments import (
    LATEST_BLESSED,
    Moments,
    PairedMomentsCombiner,
    compared,
    moments_name,
)
from pipeline.components.evaluator.recommendation_metrics import error_name, name_of
from pipeline.components.evaluator.results import SliceResult
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.components.evaluator.tfma_metrics import BASELINES, COUNTED, rank_name
from pipeline.settings import BlessingSettings

SETTINGS = BlessingSettings()
GOOD, BAD = 1, 100  # ranks with NDCG@10 1 and 0


def result(
    model: np.ndarray,
    latest_blessed: np.ndarray | None = None,
    popularity: np.ndarray | None = None,
    recency: np.ndarray | None = None,
    transitions: np.ndarray | None = None,
    all_items: tuple[np.ndarray, np.ndarray] | None = None,
) -> SliceResult:
    """The evaluation of users with these ranks under unseen_items; baselines miss by default.

    `all_items` are the ranks of model and latest blessed model under that policy, by default the
    same.
    """
    bad = np.full(len(model), BAD)
    of_model = {"unseen_items": model, "all_items": model if all_items is None else all_items[0]}
    for baseline, ranks in zip(BASELINES, (popularity, recency, transitions), strict=True):
        for policy in POLICIES:
            of_model[f"{baseline}_{policy}"] = bad if ranks is None else ranks
    predictions = {"candidate": of_model}
    if latest_blessed is not None:
        predictions["baseline"] = of_model | {
            "unseen_items": latest_blessed,
            "all_items": latest_blessed if all_items is None else all_items[1],
        }
    combiner = PairedMomentsCombiner("candidate", "baseline" if len(predictions) > 1 else None)
    accumulator = combiner.create_accumulator()
    for user in range(len(model)):
        outputs = {
            name: {rank_name(ranking): ranks[user : user + 1] for ranking, ranks in found.items()}
            for name, found in predictions.items()
        }
        # The export has no ranks of the counted transitions, the Examples have them.
        features = {
            name: outputs[model].pop(name)
            for model in outputs
            for name in [*outputs[model]]
            if name.startswith(COUNTED)
        }
        element = tfma.metrics.StandardMetricInputs(
            {tfma.PREDICTIONS_KEY: outputs, tfma.FEATURES_KEY: features}
        )
        accumulator = combiner.add_input(accumulator, element)
    moments = {key.name: value for key, value in combiner.extract_output(accumulator).items()}
    return SliceResult(
        users=len(model),
        metrics={},
        latest_blessed_metrics={} if latest_blessed is None else {"any": 1.0},
        moments={
            policy: Moments(
                moments[moments_name(policy)], compared(BASELINES, latest_blessed is not None)
            )
            for policy in POLICIES
        },
    )


def hits(share: float, users: int, shift: int = 0) -> np.ndarray:
    """Ranks of users of whom a share is hit, spread evenly and shifted by some positions."""
    numbers = np.arange(users)
    hit = np.floor((numbers + 1) * share) > np.floor(numbers * share)
    return np.where(np.roll(hit, shift), GOOD, BAD)


def failed(decision: Decision) -> list[tuple[str, str]]:
    return [(criterion.slice, criterion.requirement) for criterion in decision.failed]


def test_the_interval_is_students_of_the_users_differences():
    random = np.random.default_rng(0)
    model, blessed = random.integers(1, 15, (2, 300))
    moments = result(model, blessed).moments["unseen_items"]
    value, bound, interval = compare(moments, Bound(LATEST_BLESSED, 0.9), 0.95)
    gain, other = (np.where(ranks <= 10, 1 / np.log2(ranks + 1.0), 0) for ranks in (model, blessed))
    assert (value, bound) == (pytest.approx(gain.mean()), pytest.approx(0.9 * other.mean()))
    expected = stats.ttest_1samp(gain - 0.9 * other, 0).confidence_interval(0.95)
    assert interval == pytest.approx((expected.low, expected.high))
    mean, interval = mean_of(moments, LATEST_BLESSED, 0.95)
    expected = stats.ttest_1samp(other, 0).confidence_interval(0.95)
    assert (mean, *interval) == pytest.approx((other.mean(), expected.low, expected.high))


def test_a_first_model_needs_no_blessed_one_but_has_to_beat_the_baselines():
    decision = decide({ALL_USERS: result(hits(0.5, 400))}, "", SETTINGS)
    assert decision.blessed
    assert [criterion.requirement.split()[2] for criterion in decision.criteria[:3]] == list(
        BASELINES
    )
    assert decision.criteria[3].requirement == SERVABLE


@pytest.mark.parametrize("baseline", ["popularity", "recency"])
def test_as_good_as_a_baseline_is_not_better(baseline: str):
    ranks = hits(0.3, 400)
    decision = decide({ALL_USERS: result(ranks, **{baseline: ranks})}, "", SETTINGS)
    assert failed(decision) == [(ALL_USERS, f"1.05 times {baseline} (--min-lift)")]
    assert decision.failed[0].note == "missed"


def test_surely_as_good_as_the_counted_transitions_or_refused():
    """Of 4,000 users the transitions hit two in ten, and the model more, as many others or fewer.

    As many others are not proven to be as many.
    """
    for share, blessed in ((0.3, True), (0.2, False), (0.15, False)):
        model = result(hits(share, 4000), transitions=hits(0.2, 4000, shift=1))
        decision = decide({ALL_USERS: model}, "", SETTINGS)
        assert decision.blessed == blessed
        required = [] if blessed else [(ALL_USERS, "1 times transitions (--min-lift)")]
        assert failed(decision) == required


def test_an_evaluation_of_an_earlier_version_is_not_judged_without_the_transitions():
    now = result(hits(0.5, 400))
    before = dataclasses.replace(now, baselines=("popularity", "recency"))
    with pytest.raises(ValueError, match="evaluation: has no transitions, .* Run the Evaluator ag"):
        decide({ALL_USERS: before}, "", SETTINGS)


def test_better_than_a_baseline_by_luck_is_not_proven():
    few = result(hits(0.3, 40), popularity=hits(0.2, 40, shift=1))
    many = result(hits(0.3, 4000), popularity=hits(0.2, 4000, shift=1))
    assert decide({ALL_USERS: many}, "", SETTINGS).blessed
    (criterion,) = decide({ALL_USERS: few}, "", SETTINGS).failed
    assert criterion.value > criterion.bound and criterion.note == "not proven"


@pytest.mark.parametrize("users", [2, 7, 400, 12_345])
@pytest.mark.parametrize("lift", [1.05, 1.5, 3.0, 1e6])
def test_a_perfect_model_passes_whatever_the_baselines_have(users: int, lift: float):
    """Identical histories: popularity hits everybody, and so does the model."""
    perfect = np.full(users, GOOD)
    settings = dataclasses.replace(SETTINGS, min_lift=lift, min_ndcg=1.0, max_drop=0.0)
    everybody = result(perfect, perfect, popularity=perfect, recency=perfect, transitions=perfect)
    assert decide({ALL_USERS: everybody, "length_group 5": everybody}, "", settings).blessed


@pytest.mark.parametrize(("missed", "blessed"), [(4, True), (19, True), (40, False), (60, False)])
def test_near_a_perfect_baseline_the_distance_to_1_counts(missed: int, blessed: bool):
    """Popularity misses 40 of 4,000 users, and the model some of them or more."""
    model, popularity = np.full(4000, GOOD), np.full(4000, GOOD)
    model[:missed], popularity[:40] = BAD, BAD
    decision = decide({ALL_USERS: result(model, popularity=popularity)}, "", SETTINGS)
    criterion = decision.criteria[0]
    assert decision.blessed == blessed
    assert criterion.requirement == "a distance to 1 of 1/1.05 of that of popularity (--min-lift)"
    assert criterion.bound == pytest.approx(1 - 0.01 / 1.05)
    assert criterion.bound < 1


@pytest.mark.parametrize("share", np.linspace(0.05, 1, 20))
def test_the_bar_is_never_above_1_nor_below_the_baseline(share: float):
    ranks = hits(share, 400)
    decision = decide({ALL_USERS: result(ranks, popularity=ranks)}, "", SETTINGS)
    (criterion,) = (
        criterion for criterion in decision.criteria if "popularity" in criterion.requirement
    )
    assert criterion.value is not None and criterion.bound is not None
    assert criterion.value - 1e-12 <= criterion.bound <= 1 + 1e-12
    assert criterion.bound <= 1.05 * criterion.value + 1e-12
    assert criterion.passed == (share == 1)


def test_a_model_that_hits_nobody_is_not_better_than_a_baseline_that_hits_nobody():
    nobody = result(np.full(400, BAD))
    decision = decide({ALL_USERS: nobody}, "", SETTINGS)
    assert [criterion.note for criterion in decision.failed] == ["missed, no user is hit"] * len(
        BASELINES
    )


@pytest.mark.parametrize("value", [-0.1, 1.01, 5, float("nan"), float("inf")])
def test_a_floor_that_no_model_can_have_is_refused(value: float):
    with pytest.raises(ValueError, match="--min-ndcg must be from 0 to 1"):
        BlessingSettings(min_ndcg=value)


def test_below_the_floor():
    decision = decide(
        {ALL_USERS: result(hits(0.5, 400))}, "", dataclasses.replace(SETTINGS, min_ndcg=0.6)
    )
    assert failed(decision) == [(ALL_USERS, "at least 0.6 (--min-ndcg)")]


def test_an_equal_model_is_blessed():
    ranks = hits(0.5, 400)
    both = result(ranks, ranks)
    for max_drop in (SETTINGS.max_drop, 0.0):
        settings = dataclasses.replace(SETTINGS, max_drop=max_drop)
        assert decide({ALL_USERS: both, "length_group 5": both}, "", settings).blessed


def test_a_worse_model_is_refused_overall_within_noise_too():
    worse = decide({ALL_USERS: result(hits(0.3, 400), hits(0.5, 400))}, "", SETTINGS)
    required = "0.9 times the latest blessed model (--max-drop)"
    assert failed(worse) == [(ALL_USERS, required)] and worse.failed[0].note == "missed"
    # The same mean, but hits other users: 60 cannot show that they lose less than a tenth.
    noisy = decide({ALL_USERS: result(hits(0.5, 60), hits(0.5, 60, shift=1))}, "", SETTINGS)
    assert failed(noisy) == [(ALL_USERS, required)] and noisy.failed[0].note == "not proven"


def test_one_worse_slice_is_enough():
    fine = hits(0.5, 4000)
    results = {
        ALL_USERS: result(fine, fine),
        "length_group 5": result(hits(0.2, 200), hits(0.5, 200)),
        "length_group >8": result(fine, fine),
    }
    decision = decide(results, "", SETTINGS)
    assert failed(decision) == [
        ("length_group 5", "0.9 times the latest blessed model (--max-drop)")
    ]
    assert "0.2000" in str(decision.failed[0]) and "0.4500" in str(decision.failed[0])


@pytest.mark.parametrize(("users", "vote"), [(29, False), (30, True)])
def test_a_tiny_slice_does_not_vote(users: int, vote: bool):
    fine = hits(0.5, 4000)
    lost = result(np.full(users, BAD), np.full(users, GOOD))
    decision = decide({ALL_USERS: result(fine, fine), "length_group 5": lost}, "", SETTINGS)
    assert decision.blessed != vote
    assert len(decision.criteria) == 6


@pytest.mark.parametrize("users", [1, 2])
def test_a_slice_of_hardly_anybody_has_its_line_all_the_same(users: int):
    fine = hits(0.5, 4000)
    tiny = result(np.full(users, BAD), np.full(users, GOOD))
    criterion = decide({ALL_USERS: result(fine, fine), "s x": tiny}, "", SETTINGS).criteria[4]
    assert (criterion.users, criterion.passed, criterion.interval is None) == (
        users,
        True,
        users == 1,
    )


def test_users_who_repeat_items_are_judged_by_all_items():
    fine, never = hits(0.5, 4000), np.full(200, BAD)
    repeaters = result(never, never, all_items=(hits(0.2, 200), hits(0.5, 200)))
    results = {ALL_USERS: result(fine, fine), "target_novelty repeated": repeaters}
    (criterion,) = decide(results, "", SETTINGS).failed
    assert (criterion.slice, criterion.value) == ("target_novelty repeated", 0.2)
    assert "all_items" in str(criterion)


def test_equal_models_are_seldom_refused_by_their_slices():
    """Twelve slices of 200 users, who two equally good models hit at random."""
    random = np.random.default_rng(0)
    fine = hits(0.5, 4000)
    everybody, refused, tries = result(fine, fine), 0, 200
    strict = dataclasses.replace(SETTINGS, max_drop=0.0)
    for _ in range(tries):
        results = {ALL_USERS: everybody}
        for number in range(12):
            x = np.stack([np.ones(200), *random.binomial(1, 0.1, (5, 200))])
            moments = dict.fromkeys(POLICIES, Moments(x @ x.T, compared(BASELINES, True)))
            results[f"slice {number}"] = SliceResult(200, {}, {"any": 1.0}, moments)
        refused += not decide(results, "", strict).blessed
    # 2.5 % are to be expected, so 5 of 200.
    assert refused <= 12


def test_an_export_that_cannot_be_served_is_refused_however_good():
    decision = decide({ALL_USERS: result(hits(0.5, 400))}, "no signature", SETTINGS)
    assert failed(decision) == [(ALL_USERS, SERVABLE)]
    assert "no signature" in str(decision.failed[0])


def test_margins_can_be_switched_off():
    nothing = BlessingSettings(min_lift=0, max_drop=1)
    worst = result(np.full(50, BAD), np.full(50, GOOD))
    decision = decide({ALL_USERS: worst, "length_group 5": worst}, "", nothing)
    assert [criterion.requirement for criterion in decision.criteria] == [SERVABLE]


def with_lists(
    values: dict[str, float], errors: dict[str, float] | None = None, users: int = 400
) -> SliceResult:
    """The evaluation of a good model whose ten best items have these values."""
    metrics = {name_of(MODEL_LISTS, metric, 10): value for metric, value in values.items()}
    metrics |= {error_name(metric, 10): value for metric, value in (errors or {}).items()}
    return dataclasses.replace(result(hits(0.5, users)), metrics=metrics)


LISTS = {
    "coverage": 0.4,
    "gini": 0.7,
    "mean_popularity": 0.2,
    "novelty": 5.0,
    "intra_list_similarity": -0.1,
    "repeat_share": 0.3,
}
ERRORS = {
    metric: 0.01
    for metric in ("mean_popularity", "novelty", "intra_list_similarity", "repeat_share")
}


def test_what_is_recommended_is_judged_on_request_only():
    assert not any(
        criterion.metric != NDCG
        for criterion in decide({ALL_USERS: with_lists(LISTS, ERRORS)}, "", SETTINGS).criteria
    )


@pytest.mark.parametrize(
    ("setting", "bound", "note"),
    [
        ("min_coverage", 0.4, "reached"),
        ("min_coverage", 0.41, "missed"),
        ("max_gini", 0.7, "reached"),
        ("max_gini", 0.69, "missed"),
        ("max_popularity", 0.23, "proven"),
        ("max_popularity", 0.21, "not proven"),
        ("max_popularity", 0.19, "missed"),
        ("min_novelty", 4.97, "proven"),
        ("min_novelty", 4.99, "not proven"),
        ("min_novelty", 5.1, "missed"),
        ("max_similarity", 0.0, "proven"),
        ("max_similarity", -0.09, "not proven"),
        ("max_similarity", -0.2, "missed"),
        ("max_repeats", 0.4, "proven"),
        ("max_repeats", 0.0, "missed"),
    ],
)
def test_each_bound_of_what_is_recommended(setting: str, bound: float, note: str):
    everybody = with_lists(LISTS, ERRORS)
    settings = dataclasses.replace(SETTINGS, **{setting: bound})
    decision = decide({ALL_USERS: everybody}, "", settings)
    (criterion,) = (criterion for criterion in decision.criteria if criterion.metric != NDCG)
    assert criterion.note == note
    assert decision.blessed == criterion.passed == (note in ("proven", "reached"))
    assert f"(--{setting.replace('_', '-')})" in criterion.requirement
    assert f"{bound:g}" in criterion.requirement
    is_mean = setting not in ("min_coverage", "max_gini")
    assert (criterion.interval is not None) == is_mean
    if criterion.interval is not None:
        half = stats.t.ppf(0.975, 399) * 0.01
        expected = (criterion.value - bound - half, criterion.value - bound + half)
        assert criterion.interval == pytest.approx(expected)
    policy = "all_items" if setting == "max_repeats" else "unseen_items"
    assert f"@10 ({policy}) is {criterion.value:.4f}" in str(criterion)
    assert Decision.from_json(decision.to_json()) == decision


def test_a_mean_of_one_user_proves_nothing():
    one = with_lists(LISTS, users=1)
    decision = decide({ALL_USERS: one}, "", BlessingSettings(min_lift=0, min_novelty=1))
    (criterion,) = decision.failed
    assert (criterion.interval, criterion.note) == (None, "not proven")


@pytest.mark.parametrize(
    ("known", "settings", "message"),
    [
        ({}, {"max_gini": 0.5}, "has no Gini index, for which --max-gini asks; an earlier version"),
        (LISTS, {"max_repeats": 0.5}, "share of repeats, .*an earlier version wrote the export"),
        (LISTS, {"max_similarity": 0.5}, "intra-list similarity, .*has no Keras file"),
    ],
)
def test_what_an_evaluation_lacks_is_named_where_it_is_asked_for(
    known: dict[str, float], settings: dict[str, float], message: str
):
    (setting,) = settings
    metric = {"max_repeats": "repeat_share", "max_similarity": "intra_list_similarity"}
    known = {name: value for name, value in known.items() if name != metric.get(setting)}
    with pytest.raises(ValueError, match=message):
        decide({ALL_USERS: with_lists(known)}, "", dataclasses.replace(SETTINGS, **settings))


def test_a_model_that_recommends_nothing_is_refused_by_what_it_cannot_have():
    nothing = with_lists({"coverage": 0.0})
    decision = decide({ALL_USERS: nothing}, "", dataclasses.replace(SETTINGS, max_gini=0.9))
    assert decision.failed[0].note == "missed, nobody is recommended anything"


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("min_coverage", 1.1, "--min-coverage must be from 0 to 1"),
        ("max_gini", -0.1, "--max-gini must be from 0 to 1"),
        ("max_popularity", float("nan"), "--max-popularity must be from 0 to 1"),
        ("max_repeats", 2, "--max-repeats must be from 0 to 1"),
        ("min_novelty", -1, "--min-novelty must be at least 0"),
        ("min_novelty", float("nan"), "--min-novelty must be at least 0"),
        ("max_similarity", 1.5, "--max-similarity must be from -1 to 1"),
        ("max_similarity", float("nan"), "--max-similarity must be from -1 to 1"),
    ],
)
def test_bounds_that_no_list_can_have_are_refused(setting: str, value: float, message: str):
    with pytest.raises(ValueError, match=message):
        BlessingSettings(**{setting: value})


def test_json_gives_back_the_decision():
    criterion = Criterion("at least 0.2", ALL_USERS, 0.1, 0.2, (-0.2, 0.0), 7, False, "missed")
    other = Criterion(SERVABLE, ALL_USERS, None, None, None, 7, True, "fine")
    decision = Decision([criterion, other])
    assert Decision.from_json(decision.to_json()) == decision


def test_decisions_of_earlier_versions_can_be_read():
    row = {"line": "at least 0.2", "slice": ALL_USERS, "value": 0.1, "bound": 0.2}
    row |= {"interval": [-0.2, 0.0], "users": 7, "passed": False, "note": "missed"}
    stored = json.dumps({"blessed": False, "lines": [row]}, indent=1) + "\n"
    decision = Decision.from_json(stored)
    assert decision.failed[0].requirement == "at least 0.2" and not decision.blessed
    assert decision.to_json() == stored
