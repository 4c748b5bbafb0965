"""What the operating system refuses, in a sentence: the path, the cause, what to do.

Imports nothing heavy. Errors come as `OSError`, as TensorFlow's errors, from SQLite by way of ML
Metadata, and from Beam's workers as the text of a traceback.
"""

import errno
import os
import re
import shlex
import sys
from collections.abc import Iterator
from typing import Protocol

ERROR = 1

# What is no fault of the program: of other numbers (a file that is not there) somebody may have
# made something else on purpose.
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
    **dict.fromkeys(_FULL, "make room; the same command goes on from here"),
    errno.EACCES: "let this user read and write there, or name another place",
    errno.EPERM: "let this user read and write there, or name another place",
    errno.EROFS: "name a place that can be written",
    errno.ENAMETOOLONG: "name a place with a shorter path",
    errno.ENOTDIR: "a part of the path is a file: name a folder",
    errno.EEXIST: "it is a file: name a folder",
}
_NUMBERS = {os.strerror(number): number for number in _ENVIRONMENT}
_IN_TEXT = re.compile(
    f"(?P<reason>{'|'.join(map(re.escape, _NUMBERS))})"
    r"""(?::\s*(?P<quote>['"])(?P<path>[^'"\n]+)(?P=quote))?"""
)
_PATH_BEFORE = re.compile(r"(?P<path>/[^\n;]*); $")


def sentence(error: OSError, path: str | os.PathLike[str] | None = None) -> str:
    """Says which path is refused, why, and what to do.

    Args:
        error: The operating system's.
        path: What it is about, if the error does not name it.
    """
    named = error.filename if error.filename is not None else path
    # A descriptor is a number, which tells nobody anything.
    text = os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else None
    return _sentence(text, error.errno, error)


def refusal(error: BaseException, path: str | os.PathLike[str] | None = None) -> str | None:
    """The first thing that the operating system refused, of an error and all that led to it.

    What went wrong afterwards, while a failure was written down or tidied up, is not told.

    Args:
        error: What came of it.
        path: Where the work was done, if the error does not name a path.

    Returns:
        A sentence; None if the operating system refused nothing.
    """
    where = None if path is None else os.fspath(path)
    found = [text for text in (_refused(cause, where) for cause in causes(error)) if text]
    return found[-1] if found else None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it, the first last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


class Command(Protocol):
    """The main function of a command."""

    def __call__(self, arguments: list[str] | None = None) -> int | None: ...


def tells_os_errors(main: Command) -> Command:
    """Ends a command with a sentence and status 1 where the operating system refuses something.

    Args:
        main: The command; takes the arguments and returns the exit status.
    """

    def told(arguments: list[str] | None = None) -> int | None:
        try:
            return main(arguments)
        except Exception as error:
            text = sentence(error) if isinstance(error, OSError) else refusal(error)
            if text is None:
                raise
            print(text, file=sys.stderr)
            return ERROR

    told.__doc__ = main.__doc__
    return told


def _refused(error: BaseException, where: str | None) -> str | None:
    if isinstance(error, OSError) and error.errno in _ENVIRONMENT:
        # Some libraries put number and path into the text alone.
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
    advice = f"; {_ADVICE[number]}" if number in _ADVICE else ""
    return f"{_shown(path)}{reason}{advice}"


def _shown(path: str | None) -> str:
    if not path:
        return ""
    # A path that is too long is told by its beginning.
    return f"{path if len(path) <= 300 else path[:300] + '…'}: "


def command(*words: object) -> str:
    """A command as a shell takes it, whatever stands in its words."""
    return shlex.join(str(word) for word in words)
