"""MCLRec for Keras: meta-optimised contrastive learning for sequential recommendation.

Importing the package registers its classes, so that `keras.models.load_model` finds them.
"""

from mclrec_tf.keras_backend import refuse_other_backends

refuse_other_backends()

# These import Keras.
from mclrec_tf.encoders import (  # noqa: E402
    BSARec,
    EncoderEnsemble,
    GRU4Rec,
    PostNormSASRec,
    SASRec,
    SequenceEncoder,
)
from mclrec_tf.models.item_counts import ItemCounts  # noqa: E402
from mclrec_tf.models.mclrec import MCLRec  # noqa: E402
from mclrec_tf.models.next_item_model import NextItemModel  # noqa: E402
from mclrec_tf.training.averaging_adam import AveragingAdam  # noqa: E402

__all__ = [
    "AveragingAdam",
    "BSARec",
    "EncoderEnsemble",
    "GRU4Rec",
    "ItemCounts",
    "MCLRec",
    "NextItemModel",
    "PostNormSASRec",
    "SASRec",
    "SequenceEncoder",
]
