"""Published results to compare with, each with its ranking policy and source.

HR and NDCG on the test split of leave-one-out; the target is ranked among all items.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A row of a published table.

    Attributes:
        data: Name of the data set.
        policy: Ranking policy.
        name: Name of the method and where the numbers were published.
        metrics: The published values by name of the metric; others are absent.
    """

    data: str
    policy: str
    name: str
    metrics: dict[str, float]


_NAMES = tuple(f"{metric}_at_{k}" for metric in ("hit_rate", "ndcg") for k in (5, 10, 20))


def _all(data: str, policy: str, name: str, *values: float) -> Published:
    return Published(data, policy, name, dict(zip(_NAMES, values, strict=True)))


def _at_20(data: str, name: str, hit_rate: float, ndcg: float) -> Published:
    return Published(data, "all_items", name, {"hit_rate_at_20": hit_rate, "ndcg_at_20": ndcg})


# Table 3 of MCLRec (arXiv 2304.07763). Its SASRec is trained with binary cross-entropy and one
# negative item. The first row of each data set is the goal of the same policy.
PUBLISHED = (
    _all("beauty", "all_items", "MCLRec (paper)", 0.0581, 0.0871, 0.1243, 0.0352, 0.0446, 0.0539),
    _at_20("beauty", "DuoRec (paper)", 0.1193, 0.0518),
    _at_20("beauty", "CL4SRec (paper)", 0.0974, 0.0428),
    _at_20("beauty", "SASRec (paper)", 0.0894, 0.0386),
    _all("sports", "all_items", "MCLRec (paper)", 0.0328, 0.0501, 0.0734, 0.0204, 0.0260, 0.0319),
    _at_20("sports", "DuoRec (paper)", 0.0696, 0.0302),
    _at_20("sports", "CL4SRec (paper)", 0.0557, 0.0238),
    _at_20("sports", "SASRec (paper)", 0.0500, 0.0224),
    _all("yelp", "all_items", "MCLRec (paper)", 0.0454, 0.0647, 0.0941, 0.0332, 0.0394, 0.0467),
    _at_20("yelp", "DuoRec (paper)", 0.0868, 0.0447),
    _at_20("yelp", "CL4SRec (paper)", 0.0623, 0.0254),
    _at_20("yelp", "SASRec (paper)", 0.0443, 0.0179),
    # The authors' released Beauty weights, ranked without the items of the history.
    Published(
        "beauty",
        "unseen_items",
        "MCLRec (authors' weights)",
        {
            "hit_rate_at_10": 0.0951,
            "hit_rate_at_20": 0.1306,
            "ndcg_at_10": 0.0576,
            "ndcg_at_20": 0.0665,
        },
    ),
    # The best found of models that know ids alone; chosen on validation.
    _all(
        *("beauty", "unseen_items", "KERec (its paper, one seed)"),
        *(0.0745, 0.1050, 0.1455, 0.0525, 0.0623, 0.0725),
    ),
    _all(
        *("sports", "unseen_items", "KERec (its paper, one seed)"),
        *(0.0442, 0.0643, 0.0916, 0.0304, 0.0369, 0.0438),
    ),
    _all(
        *("yelp", "unseen_items", "KERec (its paper, one seed)"),
        *(0.0324, 0.0534, 0.0853, 0.0205, 0.0272, 0.0352),
    ),
    Published(
        "yelp",
        "all_items",
        "SASRec (full softmax, in a later paper)",
        {"hit_rate_at_10": 0.0696, "ndcg_at_10": 0.0415},
    ),
    # A public log of SASRec with full softmax cross-entropy at all positions, dropout 0.6.
    Published(
        "beauty",
        "all_items",
        "SASRec (public log, full softmax)",
        {"hit_rate_at_10": 0.0830, "ndcg_at_10": 0.0415},
    ),
    Published(
        "beauty",
        "unseen_items",
        "SASRec (public log, full softmax)",
        {"hit_rate_at_10": 0.0977, "ndcg_at_10": 0.0591},
    ),
)

# Table 4 of MCLRec: one part left out each. The full model is that of Table 3.
ABLATIONS = (
    _at_20("beauty", "without L_cl1 (paper)", 0.1243, 0.0539),
    _at_20("beauty", "without L_cl2 (paper)", 0.1056, 0.0394),
    _at_20("beauty", "without R (paper)", 0.1236, 0.0529),
    _at_20("beauty", "shared augmenter (paper)", 0.1231, 0.0532),
    _at_20("sports", "without L_cl1 (paper)", 0.0705, 0.0299),
    _at_20("sports", "without L_cl2 (paper)", 0.0557, 0.0238),
    _at_20("sports", "without R (paper)", 0.0691, 0.0291),
    _at_20("sports", "shared augmenter (paper)", 0.0707, 0.0299),
    _at_20("yelp", "without L_cl1 (paper)", 0.0918, 0.0462),
    _at_20("yelp", "without L_cl2 (paper)", 0.0623, 0.0254),
    _at_20("yelp", "without R (paper)", 0.0873, 0.0445),
    _at_20("yelp", "shared augmenter (paper)", 0.0923, 0.0456),
)


def published(data: str, policy: str) -> list[Published]:
    """The published rows of a data set under a ranking policy."""
    return [row for row in PUBLISHED if (row.data, row.policy) == (data, policy)]


def of_the_paper(data: str, policy: str) -> dict[str, dict[str, float]]:
    """What the paper printed under a policy, its ablations too: metrics by name of the method."""
    return {
        row.name.removesuffix(" (paper)"): row.metrics
        for row in (*PUBLISHED, *ABLATIONS)
        if (row.data, row.policy) == (data, policy) and row.name.endswith(" (paper)")
    }
