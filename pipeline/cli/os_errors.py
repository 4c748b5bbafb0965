"""Messages for what the operating system refuses: the path, the reason, and what to do.

Imports nothing heavy. Such errors arrive as `OSError`, as TensorFlow's errors, from SQLite by way
of ML Metadata, and from Beam's workers as the text of a traceback.
"""

import errno
import os
import re
import sys
from collections.abc import Iterator
from typing import Protocol

from pipeline.cli.interrupts import no_interrupt_lost
from pipeline.cli.unwritten import drop_unwritten
from pipeline.extras import NotInstalled

ERROR = 1

# Errors whose message is all there is to tell; the second is that of a loss that is not finite.
_COMPLETE = (NotInstalled, FloatingPointError)

# The errors that are never a fault of the program. Others, for example a file that does not exist,
# may have a more specific message, which must not be replaced.
_ENVIRONMENT = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EIO,
    errno.EISDIR,
    errno.EFBIG,
    errno.EMFILE,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
    errno.ESTALE,
}
_FULL = {errno.EDQUOT, errno.EFBIG, errno.ENOSPC}
_SQLITE = {
    "database or disk is full": errno.ENOSPC,
    "disk I/O error": errno.EIO,
    "readonly database": errno.EROFS,
}
_ADVICE = {
    **dict.fromkeys(_FULL, "Make room; the same command goes on from here."),
    errno.EACCES: "Let this user read and write there, or name another folder.",
    errno.EPERM: "Let this user read and write there, or name another folder.",
    errno.EROFS: "Name a folder that can be written.",
    errno.ENAMETOOLONG: "Name a folder with a shorter path.",
    errno.ENOTDIR: "A part of the path is a file: name a folder.",
    errno.EEXIST: "It is a file: name a folder.",
}
_NUMBERS = {os.strerror(number): number for number in _ENVIRONMENT}
_IN_TEXT = re.compile(
    f"(?P<reason>{'|'.join(map(re.escape, _NUMBERS))})"
    r"""(?::\s*(?P<quote>['"])(?P<path>[^'"\n]+)(?P=quote))?"""
)
_PATH_BEFORE = re.compile(r"(?P<path>/[^\n;]*); $")


def sentence(error: OSError, path: str | os.PathLike[str] | None = None) -> str:
    """The message for an error of the operating system.

    Args:
        error: The error.
        path: The path to name if the error names none. By default there is none.
    """
    named = error.filename if error.filename is not None else path
    # The file name may be the number of a descriptor, which tells a reader nothing.
    text = os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else None
    return _sentence(text, error.errno, error)


def refusal(error: BaseException, path: str | os.PathLike[str] | None = None) -> str | None:
    """The message for the first refusal of the operating system among an error and its causes.

    Later refusals are left out: they happened while the failure was reported or cleaned up.

    Args:
        error: The error.
        path: The path to name if the error names none. By default there is none.

    Returns:
        The message. None if the operating system refused nothing.
    """
    where = None if path is None else os.fspath(path)
    found = [text for text in (_refused(cause, where) for cause in causes(error)) if text]
    return found[-1] if found else None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and its causes. The original cause comes last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


class Command(Protocol):
    """The main function of a command."""

    def __call__(self, arguments: list[str] | None = None) -> int | None: ...


def tells_os_errors(main: Command) -> Command:
    """Makes a command end with a message and status 1 if the operating system refuses something.

    So it does where a distribution is missing that the command needs, where Keras is set to
    another backend, and where a training diverges. What the command prints is written by its end,
    and no Ctrl-C is lost in it.

    Args:
        main: The command, which takes the arguments and returns the exit status.
    """

    def with_message(arguments: list[str] | None = None) -> int | None:
        try:
            with no_interrupt_lost():
                return _with_output_written(main, arguments)
        except Exception as error:
            if isinstance(error, _COMPLETE) or _is_of_another_backend(error):
                text: str | None = str(error)
            else:
                text = sentence(error) if isinstance(error, OSError) else refusal(error)
            if text is None:
                raise
            print(text, file=sys.stderr)
            drop_unwritten(sys.stdout)
            return ERROR

    with_message.__doc__ = main.__doc__
    return with_message


def _with_output_written(main: Command, arguments: list[str] | None) -> int | None:
    """Python writes what is left only after the command, when a refusal cannot be told any more."""
    try:
        status = main(arguments)
    except SystemExit:
        _flush_output()
        raise
    _flush_output()
    return status


def _flush_output() -> None:
    if sys.stdout is not None:  # as it is where the descriptor is closed
        sys.stdout.flush()


def _is_of_another_backend(error: Exception) -> bool:
    # Its class cannot be imported here: that would import the library, which is what was refused.
    return isinstance(error, ImportError) and error.name == "mclrec_tf.keras_backend"


def _refused(error: BaseException, where: str | None) -> str | None:
    if isinstance(error, OSError) and error.errno in _ENVIRONMENT:
        # Some libraries put the path into the text only.
        return sentence(error) if error.filename is not None else _from_text(error, where)
    return _from_text(error, where)


def _from_text(error: BaseException, where: str | None) -> str | None:
    text = str(error)
    match = _IN_TEXT.search(text)
    if match:
        before = _PATH_BEFORE.search(text[: match.start()])
        path = match["path"] or (before and before["path"]) or where
        return _sentence(path, _NUMBERS[match["reason"]], error)
    for words, number in _SQLITE.items():
        if words in text:
            return _sentence("metadata.sqlite", number, error)
    if isinstance(error, OSError) and error.errno in _ENVIRONMENT:
        return _sentence(where, error.errno, error)
    return None


def _sentence(path: str | None, number: int | None, error: BaseException) -> str:
    reason = os.strerror(number) if number else str(error)
    advice = f" {_ADVICE[number]}" if number in _ADVICE else ""
    return f"{_shown(path)}{reason.rstrip('.')}.{advice}"


def _shown(path: str | None) -> str:
    if not path:
        return ""
    # Of a very long path, only the beginning is shown.
    return f"{path if len(path) <= 300 else path[:300] + '…'}: "
