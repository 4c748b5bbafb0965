"""What recommendations are like besides accurate: spread, popularity, novelty, alikeness, repeats.

All follow from the lists L_u of the k best items of each user u, and from the training users of
each item, of whom p(i) is the share that had item i:

- `coverage`, catalogue coverage: |∪_u L_u| / |I|, the share of the catalogue that anybody is
  recommended (Herlocker et al., TOIS 2004; Ge et al., RecSys 2010).
- `gini`, the Gini index of how often each item of the catalogue is recommended:
  Σ_j (2j - |I| - 1) · n_j / ((|I| - 1) · Σ_j n_j), where n_1 ≤ … ≤ n_|I| are the numbers of lists
  that hold the items, 0 for those that nobody gets. It is 0 if all are recommended equally often
  and 1 if all lists hold one and the same item (Shani and Gunawardana, Recommender Systems
  Handbook, 2011).
- `mean_popularity`: the mean over users of the mean over L_u of p(i) (Yin et al., VLDB 2012, with
  the share of users in place of their number).
- `novelty`, mean self-information in bits: the mean over users of the mean over L_u of -log2 p(i)
  (Zhou et al., PNAS 2010; Vargas and Castells, RecSys 2011).
- `intra_list_similarity`: the mean over users of the mean over the pairs of L_u of the cosine of
  the items' vectors (Ziegler et al., WWW 2005). A vector that is 0 is like no other.
- `repeat_share`: the mean over users of the share of L_u that the user's history holds already. It
  says something under `all_items` only (Anderson et al., WWW 2014, on repeat consumption).

A user without a recommended item, for similarity without two, is not in the mean.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.data.batches import evaluation_batches, evaluation_order
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.catalogue import Catalogue
from mclrec_tf.evaluation.list_totals import ListTotals
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.recommended_lists import Lists, repeats


def summarize_lists(
    lists: Lists, catalogue: Catalogue, histories: Histories | None = None
) -> dict[str, float]:
    """All metrics at 5, 10 and 20 under both policies, by name.

    Args:
        lists: What each user is recommended, as `recommend_lists` tells. Either part may be None
            if it is not known. A list shorter than 20 is what the longer cutoffs see, too.
        catalogue: What is known of the items. Without vectors there is no similarity.
        histories: What is known of each user. None leaves out the share of repeats.

    Returns:
        `{all,unseen}_items_<metric>_at_<k>`; the share of repeats under `all_items` only.

    Raises:
        ValueError: An item is not of the catalogue, or there is not one list a user.

    Example:

    ```python
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.evaluation.baselines import Popularity
    from mclrec_tf.evaluation.beyond_accuracy import summarize_lists
    from mclrec_tf.evaluation.catalogue import Catalogue
    from mclrec_tf.evaluation.recommended_lists import recommend_lists

    train = Histories.from_lists([[1, 2, 1], [1]])
    lists = recommend_lists(Popularity(num_items=40), train)
    found = summarize_lists(lists, Catalogue.from_histories(train, 40), train)
    found["all_items_coverage_at_10"], found["all_items_repeat_share_at_5"]  # (0.25, 0.3)
    ```
    """
    results = {}
    for policy, items in lists._asdict().items():
        if items is None:
            continue
        repeated = None
        if policy == "all_items" and histories is not None:
            repeated = _repeats_of(items, histories)
        totals = ListTotals.of(items, catalogue, repeated)
        values = totals.metrics(catalogue.num_items)
        if repeated is None:
            values = {k: v for k, v in values.items() if not k.startswith("repeat_share")}
        if catalogue.vectors is None:
            values = {k: v for k, v in values.items() if not k.startswith("intra_list")}
        results.update({f"{policy}_{name}": value for name, value in values.items()})
    return results


def _repeats_of(items: npt.NDArray[np.int32], histories: Histories) -> npt.NDArray[np.int32]:
    """`repeats` of all users, longest history first, so that a batch has little padding."""
    if len(items) != len(histories):
        raise ValueError(
            f"lists and histories must have one row a user, got {len(items)} and {len(histories)}."
        )
    found = np.zeros((len(items), len(CUTOFFS)), np.int32)
    users = evaluation_order(histories)
    batches = evaluation_batches(histories, np.zeros(len(histories), np.int32))
    for history, _ in batches:
        batch, users = np.split(users, [len(history)])
        found[batch] = repeats(tf.constant(items[batch]), history).numpy()
    return found
