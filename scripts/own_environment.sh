#!/bin/sh
# Ends with a sentence unless a folder may be made a virtual environment of this checkout: it is not
# there, or empty, or was made for one. Whatever else is there is somebody's, and stays as it is.
set -eu
[ $# = 1 ] || { echo "usage: sh scripts/own_environment.sh FOLDER, for example .venv" >&2; exit 2; }

# The mark of new_environment.sh, the stamp of make, and what an installation leaves last.
for file in "$1/made-for-mclrec-tf" "$1/installed" "$1"/lib/python*/site-packages/mclrec_tf_checkout.pth
do
    [ ! -e "$file" ] || exit 0
done

if [ -L "$1" ]; then
    what="a link to $(readlink "$1")"
elif [ -d "$1" ]; then
    [ -n "$(find "$1" -mindepth 1 -maxdepth 1)" ] || exit 0
    what="a folder with other contents"
elif [ -e "$1" ]; then
    what="a file"
else
    exit 0
fi
echo "$1 is $what, and no environment that was made here, so it is left alone. Move or remove it, then \
give the same command." >&2
exit 1
