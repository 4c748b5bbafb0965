"""Sequence encoders f_θ; one file an encoder, one contract (`SequenceEncoder`)."""

from mclrec_tf.encoders.sasrec import SASRec
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder

__all__ = ["SASRec", "SequenceEncoder"]
