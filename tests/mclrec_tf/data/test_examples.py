"""The examples in docstrings run and print what they say."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "name", ["event_log.reader", "histories", "interactions", "k_core", "sample.sample_log"]
)
def test_examples_of(name: str) -> None:
    module = import_module(f"mclrec_tf.data.{name}")
    found = doctest.testmod(module, extraglobs={"np": import_module("numpy")})
    assert found.attempted > 0 and found.failed == 0
