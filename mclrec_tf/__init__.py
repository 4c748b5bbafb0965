"""MCLRec for Keras: meta-optimised contrastive learning for sequential recommendation.

Importing the package registers its classes, so that `keras.models.load_model` finds them.
"""

import sys

# `python -m mclrec_tf.data.sample` imports this package before its own module, and Keras with
# TensorFlow would cost it seconds and the lines that TensorFlow writes when it is loaded. While
# Python looks for the module of -m, the name of the program is "-m".
_WRITES_A_SAMPLE = sys.argv[:1] == ["-m"] and (
    sys.orig_argv[sys.orig_argv.index("-m") :][1:2] == ["mclrec_tf.data.sample"]
)

if not _WRITES_A_SAMPLE:
    from mclrec_tf.keras_backend import refuse_other_backends

    refuse_other_backends()

    # These import Keras.
    from mclrec_tf.encoders import BSARec, GRU4Rec, SASRec, SequenceEncoder
    from mclrec_tf.models.mclrec import MCLRec
    from mclrec_tf.models.next_item_model import NextItemModel

__all__ = ["BSARec", "GRU4Rec", "MCLRec", "NextItemModel", "SASRec", "SequenceEncoder"]
