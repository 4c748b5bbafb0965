#!/bin/sh
# Prints "here" for a folder with a virtual environment that was made where it stands now: the
# programs in it name its Python by its whole path, so one that was moved is made anew.
place=$(cat "$1/made-for-mclrec-tf" 2> /dev/null)
if [ -x "$1/bin/python" ] && [ "$place" = "$(cd "$1" && pwd -P)" ]; then
    echo here
fi
