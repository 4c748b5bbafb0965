#!/bin/sh
# Makes a virtual environment of this checkout anew: sh scripts/new_environment.sh PYTHON FOLDER
# [option of venv]... The mark comes first, so that a making which is interrupted can be repeated; it
# holds the place, for environment_here.sh.
set -eu
python=$1 folder=$2
shift 2
sh scripts/own_environment.sh "$folder"
mkdir -p "$folder"
(cd "$folder" && pwd -P) > "$folder/made-for-mclrec-tf"
find "$folder" -mindepth 1 -maxdepth 1 ! -name made-for-mclrec-tf -exec rm -rf {} +
exec "$python" -m venv "$@" "$folder"
