"""GRU4Rec: a recurrent network over the history."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole, check_whole_or_none
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder, check_dropout
from mclrec_tf.layers.packed_recurrence import Steps


@keras.saving.register_keras_serializable("mclrec_tf")
class GRU4Rec(SequenceEncoder):
    """Item embedding, dropout, a GRU, and a dense layer to the size of the item vectors.

    It is trained like every encoder here, by a softmax over the whole catalogue: the paper's
    losses over sampled items, and even those of its follow-up (Hidasi and Karatzoglou, 2018),
    stand in for it. A masked item is a step with the input 0.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Longest history read, n.
        hidden_dim: Size of the GRU's state; 2·dim when left out.
        num_layers: GRUs one after the other.
        dropout: Share of the input dropped in training.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf import GRU4Rec

    encoder = GRU4Rec(num_items=100, dim=32)
    encoder(tf.constant([[5, 8, 2, 0]])).shape  # (1, 4, 32)
    ```

    Reference:
        Hidasi et al., ICLR 2016, arXiv 1511.06939.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        max_length: int = 50,
        hidden_dim: int | None = None,
        num_layers: int = 1,
        dropout: float = 0.3,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_items, dim, max_length, **kwargs)
        check_whole(1, num_layers=num_layers)
        check_whole_or_none(1, hidden_dim=hidden_dim)
        check_dropout(dropout)
        self.hidden_dim = hidden_dim or 2 * dim
        self.num_layers = num_layers
        self.dropout = dropout

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.drop = keras.layers.Dropout(self.dropout, name="drop", dtype=self.dtype_policy)
        self.cells, size = [], self.dim
        for index in range(self.num_layers):
            cell = keras.layers.GRUCell(
                self.hidden_dim, name=f"gru_{index}", dtype=self.dtype_policy
            )
            cell.build((None, size))
            self.cells.append(cell)
            size = self.hidden_dim
        self.output_projection = keras.layers.Dense(
            self.dim, name="output_projection", dtype=self.dtype_policy
        )
        self.output_projection.build((None, size))

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        steps = Steps.of(lengths)
        vectors = self.output_projection(self._states(ids, steps, training))
        return tf.scatter_nd(steps.cells, vectors, [*tf.unstack(tf.shape(ids, tf.int64)), self.dim])

    def encode_last(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        steps = Steps.of(lengths)
        return self.output_projection(tf.gather(self._states(ids, steps, training), steps.last))

    def _states(self, ids: tf.Tensor, steps: Steps, training: bool | None) -> tf.Tensor:
        """The state after each step, `[T, hidden_dim]`."""
        ids = tf.gather_nd(ids, steps.cells)
        x = tf.where((ids > 0)[:, None], self.item_embedding(ids), 0.0)
        x = self.drop(x, training=training)
        for cell in self.cells:
            x = steps.states(cell, x)
        return x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "dropout": self.dropout,
        }
