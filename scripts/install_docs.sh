#!/bin/sh
# Makes the virtual environment given as the only argument and installs into it what builds the
# pages. The list is whole, so nothing is resolved; pip check tells whether it still is whole.
set -eu
[ $# = 1 ] || { echo "usage: sh scripts/install_docs.sh FOLDER, for example .venv-docs" >&2; exit 2; }
found=$(sh scripts/find_python.sh)
sh scripts/new_environment.sh "${found#* * }" "$1"
"$1/bin/python" -m pip install --quiet --no-deps --requirement requirements-docs.txt
"$1/bin/python" -m pip check
