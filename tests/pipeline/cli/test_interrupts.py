"""Ctrl-C ends a command, whatever Python is doing at that moment."""

import contextlib
import signal
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

from pipeline.cli.interrupts import no_interrupt_lost
from pipeline.cli.os_errors import tells_os_errors


@pytest.fixture(autouse=True)
def raising_on_interrupts() -> Iterator[None]:
    """As at a terminal; a shell starts what runs in the background without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class InDel:
    """Is interrupted while it is removed, where Python raises nothing."""

    def __init__(self, error: type[BaseException] = KeyboardInterrupt):
        self.error = error

    def __del__(self) -> None:
        raise self.error


class Plain:
    """Can be referred to weakly."""


def in_weakref_callback() -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    removed = Plain()
    reference = weakref.ref(removed, interrupt)
    del removed
    assert reference() is None


@pytest.mark.parametrize("act", [InDel, in_weakref_callback])
def test_an_interrupt_that_python_cannot_raise_ends_the_command(act) -> None:
    def command(arguments: list[str] | None = None) -> int:
        try:
            act()
            time.sleep(30)
        except KeyboardInterrupt:
            return 130
        return 0

    assert tells_os_errors(command)(None) == 130


def test_other_errors_that_python_cannot_raise_are_reported_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: reported.append(error.exc_type))
    with no_interrupt_lost():
        InDel(ValueError)
    assert reported == [ValueError]


def test_an_interrupt_at_the_end_comes_in_the_command_or_not_at_all() -> None:
    with contextlib.suppress(KeyboardInterrupt), no_interrupt_lost():
        InDel()
    time.sleep(0.3)
