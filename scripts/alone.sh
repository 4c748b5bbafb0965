#!/bin/sh
# Runs a command that makes or fills an environment of this checkout, once no other such command
# does: sh scripts/alone.sh FOLDER COMMAND... What the command starts in turn holds the lock too.
set -eu
folder=$1
shift
sh scripts/own_environment.sh "$folder"
mkdir -p "$folder"
exec 9>> "$folder/made-for-mclrec-tf"
flock --nonblock 9 || {
    echo "Another process installs into $folder; waiting until it has ended."
    flock 9
}
exec "$@"
