"""Sequence encoders f_θ; one file an encoder, one contract (`SequenceEncoder`)."""

from mclrec_tf.encoders.bsarec import BSARec
from mclrec_tf.encoders.gru4rec import GRU4Rec
from mclrec_tf.encoders.sasrec import SASRec
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.encoders.transformer_encoder import TransformerEncoder

__all__ = ["BSARec", "GRU4Rec", "SASRec", "SequenceEncoder", "TransformerEncoder"]
