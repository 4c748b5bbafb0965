#!/bin/sh
# Prints the path of a Python 3.10 that can hold this project, or says on standard error how to get
# one and fails. Every candidate is run before it is chosen: a `python3.10` on PATH may be a shim
# that only answers "command not found", and a distribution's Python may lack venv or its headers.
#
# PYTHON=/path/to/python3.10 is looked at first.

home=${HOME:-/nonexistent}
rejected=

# The headers are for pyfarmhash, which has no wheels. Written for Python 2 too, which may be `python`.
requirements='
import os, platform, sys
if sys.version_info[:2] != (3, 10):
    sys.exit("is Python %d.%d" % sys.version_info[:2])
if platform.machine() not in ("x86_64", "AMD64"):
    sys.exit("is built for %s, but TFX has wheels for x86-64 only" % platform.machine())
try:
    import bz2, ctypes, ensurepip, ssl, venv, zlib
except ImportError as error:
    sys.exit("%s (Debian, Ubuntu: apt-get install python3.10-venv)" % error)
import sysconfig
if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
    sys.exit("lacks its C headers (Debian, Ubuntu: apt-get install python3.10-dev)")
print(sys.executable)
'

try() {
    [ -f "$1" ] && [ -x "$1" ] || return 0
    if answer=$("$1" -E -s -c "$requirements" 2>&1); then
        printf '%s\n' "$answer"
        exit 0
    fi
    rejected="$rejected
  $1: $answer"
}

try_each_on_path() {
    old_ifs=$IFS
    IFS=:
    for folder in $PATH; do
        try "$folder/$1"
    done
    IFS=$old_ifs
}

if [ -n "${PYTHON:-}" ]; then
    try "$(command -v "$PYTHON")"
    echo "find_python.sh: PYTHON=$PYTHON is no Python 3.10 that can be used; looking further." >&2
fi

for name in python3.10 python3 python; do
    try_each_on_path "$name"
done

# Pythons that version managers and installers keep off PATH.
for python in \
    "${VIRTUAL_ENV:-$home/.no-venv}"/bin/python \
    "${CONDA_PREFIX:-$home/.no-conda}"/bin/python \
    "${PYENV_ROOT:-$home/.pyenv}"/versions/3.10*/bin/python3.10 \
    "$home"/.pyenv/versions/3.10*/bin/python3.10 \
    "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$home/.local/share}/uv/python}"/cpython-3.10*/bin/python3.10 \
    "$home"/.local/share/uv/python/cpython-3.10*/bin/python3.10 \
    "$home"/.local/bin/python3.10 \
    "$home"/.asdf/installs/python/3.10*/bin/python3.10 \
    "$home"/.local/share/mise/installs/python/3.10*/bin/python3.10 \
    "$home"/.conda/envs/*/bin/python3.10 \
    "$home"/*conda*/bin/python3.10 "$home"/*conda*/envs/*/bin/python3.10 \
    "$home"/*mamba*/bin/python3.10 "$home"/*mamba*/envs/*/bin/python3.10 \
    "$home"/*miniforge*/bin/python3.10 "$home"/*miniforge*/envs/*/bin/python3.10 \
    /usr/bin/python3.10 \
    /usr/local/bin/python3.10 \
    /usr/local/*/bin/python3.10 \
    /usr/local/opt/python@3.10/bin/python3.10 \
    /opt/*/bin/python3.10 /opt/*/envs/*/bin/python3.10 \
    /opt/homebrew/opt/python@3.10/bin/python3.10 \
    /Library/Frameworks/Python.framework/Versions/3.10/bin/python3.10
do
    try "$python"
done

echo "No usable Python 3.10 was found. TFX 1.16 needs exactly this version. Ways to get it:
  Ubuntu 22.04        sudo apt-get install python3.10 python3.10-venv python3.10-dev
  other Ubuntu        sudo add-apt-repository ppa:deadsnakes/ppa, then the line above
  Debian              one of pyenv, uv and conda
  macOS on Intel      brew install python@3.10
  pyenv               pyenv install 3.10
  uv                  uv python install 3.10
  conda               conda create --name python310 python=3.10
Then run make again. A Python in an unusual place is named with: make PYTHON=/path/to/python3.10
Looked at:${rejected:-
  nothing: no Python in any of the usual places}" >&2
exit 1
