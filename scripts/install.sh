#!/bin/sh
# Makes the virtual environment given as the only argument and installs into it the set of pinned
# packages that its Python can hold. Safe to run again after an interruption.
set -eu
python=$1/bin/python

if ! answer=$("$python" -E -s scripts/package_set.py 2> /dev/null); then
    answer=$(sh scripts/find_python.sh)
    found=${answer#* * }
    echo "Making $1 with $found."
    "$found" -m venv --clear --without-pip "$1"
fi
set=${answer#* }
set=${set%% *}

case $set in
    requirements.txt) reason="TFX 1.21, TensorFlow 2.21" ;;
    *) reason="TFX 1.16, TensorFlow 2.16; the newer set needs Python 3.11 to 3.13 and glibc 2.39" ;;
esac
echo "Installing $set ($reason); this takes a few minutes the first time."

# The pip that comes with Python 3.10 leaves packages that it builds from sources without bytecode
# when PYTHONDONTWRITEBYTECODE is set; every process would then compile them again.
"$python" -m ensurepip > /dev/null
"$python" -m pip install --quiet pip==26.3

# The lists are whole, so nothing is resolved; TFX 1.16 works on Python 3.11 without declaring it.
"$python" -m pip install --quiet --compile --no-deps --ignore-requires-python \
    -r "$set" -r requirements-dev.txt

packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# pyfarmhash is the one package that would need a compiler.
"$python" -c 'import farmhash' 2> /dev/null || cp scripts/farmhash.py "$packages"
# The checkout itself is importable from any folder, which TFX's and Beam's subprocesses need. The
# line counts from site-packages, so the checkout may be moved.
echo '../../../..' > "$packages/mclrec_tf_checkout.pth"
