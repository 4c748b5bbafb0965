"""Ranking metrics, computed from ranks."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole

CUTOFFS = (5, 10, 20)


class MeanLoss(keras.metrics.Mean):
    """Mean of a term of the losses."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._direction = "down"  # where Keras looks whether less is better


class RankingMetric(keras.metrics.Mean):
    """Mean over users of a value between 0 and 1; base of the metrics from ranks.

    A subclass gives the formula, `value(rank)`, for a rank within the cutoff; beyond it the
    value is 0.

    Args:
        k: Cutoff: how many of the first ranks count.
        name: Name; `<metric>_at_<k>` when left out.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.evaluation.ranking_metrics import NDCG

    metric = NDCG(k=10)
    metric.update_state(tf.constant([1, 3, 25]))
    float(metric.result())  # (1 + 1/2 + 0) / 3 = 0.5
    ```
    """

    metric: str

    def __init__(self, k: int = 10, name: str | None = None, **kwargs: Any) -> None:
        check_whole(1, k=k)
        super().__init__(name=name or f"{self.metric}_at_{k}", **kwargs)
        self.k = k
        self._direction = "up"

    def value(self, rank: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError

    def update_state(self, ranks: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Takes in ranks, int `[B]`, counted from 1."""
        rank = keras.ops.cast(ranks, self.dtype)
        value = keras.ops.where(rank <= self.k, self.value(rank), 0.0)
        super().update_state(value, sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "k": self.k}


@keras.saving.register_keras_serializable("mclrec_tf")
class HitRate(RankingMetric):
    """Share of users whose target ranks within k (with one target a user also recall@k)."""

    metric = "hit_rate"

    def value(self, rank: tf.Tensor) -> tf.Tensor:
        return keras.ops.ones_like(rank)


@keras.saving.register_keras_serializable("mclrec_tf")
class NDCG(RankingMetric):
    """Normalised discounted cumulative gain with one target: 1 / log2(rank + 1)."""

    metric = "ndcg"

    def value(self, rank: tf.Tensor) -> tf.Tensor:
        return 1.0 / keras.ops.log2(rank + 1.0)


@keras.saving.register_keras_serializable("mclrec_tf")
class MRR(RankingMetric):
    """Mean reciprocal rank: 1 / rank."""

    metric = "mrr"

    def value(self, rank: tf.Tensor) -> tf.Tensor:
        return 1.0 / rank


def ranking_metrics(prefix: str) -> list[RankingMetric]:
    """Hit rate, NDCG and MRR at 5, 10 and 20, named `<prefix>_<metric>_at_<k>`."""
    return [
        metric(k, name=f"{prefix}_{metric.metric}_at_{k}")
        for metric in (HitRate, NDCG, MRR)
        for k in CUTOFFS
    ]
