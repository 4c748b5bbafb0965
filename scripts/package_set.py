"""Says which set of pinned packages the Python that runs this can hold, or why it can hold none.

Prints the set's rank (the smaller the better), its file and this Python's path. Written for every
Python, 2 too: whatever is called `python` may be asked.
"""

import os
import platform
import sys

NEWER, OLDER = "requirements.txt", "requirements-tfx-1.16.txt"
# The wheels of ml-metadata and of tensorflow-data-validation 1.21 need it.
NEWER_GLIBC = (2, 39)


def glibc():
    """The version of the C library as two numbers, None where it is another library."""
    try:
        name, version = os.confstr("CS_GNU_LIBC_VERSION").split()
        return tuple(int(part) for part in version.split(".")[:2])
    except (AttributeError, OSError, ValueError):
        return None


def package_set(python, libc):
    """The rank and the file of the best set for a version of Python and of glibc.

    Of the older set, Python 3.10 comes before 3.11, which TFX 1.16 does not declare. Without a set,
    the rank is None and the reason stands in place of the file.
    """
    newer_libc = libc is not None and libc >= NEWER_GLIBC
    if (3, 11) <= python <= (3, 13) and newer_libc:
        return 13 - python[1], NEWER
    if (3, 10) <= python <= (3, 11):
        return python[1], OLDER
    if (3, 12) <= python <= (3, 13):
        found = "glibc %d.%d" % libc if libc else "no glibc"
        return None, "is Python %d.%d, which needs glibc %d.%d; here is %s" % (
            python + NEWER_GLIBC + (found,)
        )
    return None, "is Python %d.%d; it takes 3.10 to 3.13" % python


def main():
    python = tuple(sys.version_info[:2])
    rank, answer = package_set(python, glibc())
    if rank is None:
        sys.exit(answer)
    if sys.platform.startswith("linux") and glibc() is None:
        sys.exit("uses another C library than glibc, for which TensorFlow has no wheels")
    if platform.machine() not in ("x86_64", "AMD64"):
        sys.exit("is built for %s, but TFX has wheels for x86-64 only" % platform.machine())
    try:
        import bz2, ctypes, ensurepip, lzma, sqlite3, ssl, venv, zlib  # noqa: E401, F401, I001
    except ImportError as error:
        sys.exit("%s (Debian, Ubuntu: apt-get install python%d.%d-venv)" % ((error,) + python))
    print("%d %s %s" % (rank, answer, sys.executable))


if __name__ == "__main__":
    main()
