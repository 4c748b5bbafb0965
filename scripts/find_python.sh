#!/bin/sh
# Prints the best Python on this machine that can hold this project, as package_set.py puts it: its
# rank, the file of its set of packages, its path. Or says on standard error how to get one and
# fails. Every candidate is run before it is chosen: a `python3.10` on PATH may be a shim that only
# answers "command not found", and a distribution's Python may lack venv.
#
# PYTHON=/path/to/python3 is taken, or nothing is; PACKAGE_SET=file asks for one of the two sets.

home=${HOME:-/nonexistent}
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
versions="3.13 3.12 3.11 3.10"
best=
rejected=

# Keeps the answer of a Python that can be used if its rank is the best so far.
try() {
    [ -f "$1" ] && [ -x "$1" ] || return 0
    if answer=$("$1" -E -s "$here/package_set.py" 2>&1); then
        case $answer in
            *" ${PACKAGE_SET:-requirements}"*) ;;
            *" requirements"*) return 0 ;;
            *)
                rejected="$rejected
  $1: does not answer as a Python does"
                return 0
                ;;
        esac
        if [ -z "$best" ] || [ "${answer%% *}" -lt "${best%% *}" ]; then
            best=$answer
        fi
    else
        rejected="$rejected
  $1: $answer"
    fi
}

try_each_on_path() {
    old_ifs=$IFS
    IFS=:
    for folder in $PATH; do
        try "$folder/$1"
    done
    IFS=$old_ifs
}

finish_if_found() {
    [ -z "$best" ] && return 0
    printf '%s\n' "$best"
    exit 0
}

if [ -n "${PYTHON:-}" ]; then
    try "$(command -v "$PYTHON")"
    finish_if_found
    echo "PYTHON=$PYTHON cannot be used:${rejected:- there is no such program}
Name another one, or leave PYTHON out to take what is found." >&2
    exit 1
fi

for version in $versions; do
    try_each_on_path "python$version"
done
try_each_on_path python3
try_each_on_path python

# Pythons that version managers and installers keep off PATH.
try "${VIRTUAL_ENV:-$home/.no-venv}/bin/python"
try "${CONDA_PREFIX:-$home/.no-conda}/bin/python"
for version in $versions; do
    for python in \
        "${PYENV_ROOT:-$home/.pyenv}"/versions/$version*/bin/python$version \
        "$home"/.pyenv/versions/$version*/bin/python$version \
        "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$home/.local/share}/uv/python}"/cpython-$version*/bin/python$version \
        "$home"/.local/share/uv/python/cpython-$version*/bin/python$version \
        "$home"/.local/bin/python$version \
        "$home"/.asdf/installs/python/$version*/bin/python$version \
        "$home"/.local/share/mise/installs/python/$version*/bin/python$version \
        "$home"/.conda/envs/*/bin/python$version \
        "$home"/*conda*/bin/python$version "$home"/*conda*/envs/*/bin/python$version \
        "$home"/*mamba*/bin/python$version "$home"/*mamba*/envs/*/bin/python$version \
        "$home"/*miniforge*/bin/python$version "$home"/*miniforge*/envs/*/bin/python$version \
        /usr/bin/python$version \
        /usr/local/bin/python$version \
        /usr/local/*/bin/python$version \
        /usr/local/opt/python@$version/bin/python$version \
        /opt/*/bin/python$version /opt/*/envs/*/bin/python$version \
        /Library/Frameworks/Python.framework/Versions/$version/bin/python$version
    do
        try "$python"
    done
done
finish_if_found

echo "No usable Python was found. It takes Python 3.11 to 3.13 with glibc 2.39 or newer, or Python 3.10
or 3.11 with any. Ways to get one:
  Debian, Ubuntu      sudo apt-get install python3 python3-venv
  pyenv               pyenv install 3.10
  uv                  uv python install 3.10
  conda               conda create --name python310 python=3.10
Then run make again. A Python in an unusual place is named with: make PYTHON=/path/to/python3
Looked at:${rejected:-
  nothing: no Python in any of the usual places}" >&2
exit 1
