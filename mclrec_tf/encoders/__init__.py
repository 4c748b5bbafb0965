"""Sequence encoders f_θ; one file an encoder, one contract (`SequenceEncoder`)."""

from mclrec_tf.encoders.bsarec import BSARec
from mclrec_tf.encoders.encoder_ensemble import EncoderEnsemble
from mclrec_tf.encoders.gru4rec import GRU4Rec
from mclrec_tf.encoders.post_norm_sasrec import PostNormSASRec
from mclrec_tf.encoders.sasrec import SASRec
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.encoders.transformer_encoder import TransformerEncoder

ENCODERS: dict[str, type[SequenceEncoder]] = {
    "sasrec": SASRec,
    "post_norm_sasrec": PostNormSASRec,
    "bsarec": BSARec,
    "gru4rec": GRU4Rec,
}
"""The encoders by the names that options give them."""

__all__ = [
    "ENCODERS",
    "BSARec",
    "EncoderEnsemble",
    "GRU4Rec",
    "PostNormSASRec",
    "SASRec",
    "SequenceEncoder",
    "TransformerEncoder",
]
