"""A sample of the learned views is kept for people to look at."""

from pathlib import Path

import numpy as np

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.histories import Histories
from pipeline.components.trainer import learned_views


def test_views_of_a_sample_are_written(tmp_path: Path):
    model = MCLRec(SASRec(9, dim=8, num_layers=1), seed=0)
    users = learned_views.USERS + 50
    histories = Histories.from_lists([[], *([1 + user % 9, 3] for user in range(users))])
    learned_views.write_learned_views(str(tmp_path), model, histories)
    views = learned_views.read_learned_views(str(tmp_path))
    assert views is not None
    for z in views:
        assert z.shape == (learned_views.USERS, 8) and np.isfinite(z).all()


def test_a_model_without_them_has_none(tmp_path: Path):
    assert learned_views.read_learned_views(str(tmp_path)) is None
