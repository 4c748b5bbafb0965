"""MCLRec for Keras: meta-optimised contrastive learning for sequential recommendation.

Importing the package registers its classes, so that `keras.models.load_model` finds them.
"""

from mclrec_tf.encoders import BSARec, GRU4Rec, SASRec, SequenceEncoder
from mclrec_tf.mclrec import MCLRec

__all__ = ["BSARec", "GRU4Rec", "MCLRec", "SASRec", "SequenceEncoder"]
