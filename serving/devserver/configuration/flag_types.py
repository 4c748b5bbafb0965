"""What the values of flags are, with a message for what they are not."""

import argparse

_LAST_PORT = 2**16 - 1


def boolean(text: str) -> bool:
    """Parses "true" or "false"."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def port(text: str) -> int:
    """Parses the number of a port; 0 is none."""
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, 0 to {_LAST_PORT}")
    return int(text)


def positive(text: str) -> int:
    """Parses a whole number, 1 or more."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number, 1 or more")
    return int(text)


def seconds(text: str) -> float:
    """Parses a number of seconds, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, 0 or more")
    return number
