#!/bin/sh
# Makes the virtual environment given as the only argument and installs into it the set of pinned
# packages that its Python can hold. Safe to run again after an interruption. PYTHON=/path/to/python3
# is the interpreter to make it with, anew if it was made with another one.
set -eu
[ $# = 1 ] || { echo "usage: sh scripts/install.sh FOLDER, for example .venv" >&2; exit 2; }
sh scripts/own_environment.sh "$1"
python=$1/bin/python

base() {
    "$1" -E -s scripts/base_python.py
}

there=
if [ "$(sh scripts/environment_here.sh "$1")" = here ]; then
    there=$("$python" -E -s scripts/package_set.py 2> /dev/null) || there=
fi
if [ -n "$there" ] && [ -z "${PYTHON:-}" ]; then
    answer=$there
else
    answer=$(sh scripts/find_python.sh)
fi
found=${answer#* * }
if [ -z "$there" ] || [ "$(base "$found")" != "$(base "$python")" ]; then
    echo "Making $1 with $found."
    sh scripts/new_environment.sh "$found" "$1" --without-pip
fi
set=${answer#* }
set=${set%% *}

case $set in
    requirements.txt) reason="TFX 1.21, TensorFlow 2.21" ;;
    *) reason="TFX 1.16, TensorFlow 2.16; the newer set needs Python 3.11 to 3.13 and glibc 2.39" ;;
esac
echo "Installing $set ($reason)."
echo "The first time this takes some minutes, about 1 GB to download and 4 GB of disk."
exec "$python" -E -s scripts/install_packages.py "$set"
