#!/bin/sh
# Makes the virtual environment given as the only argument and installs the pinned packages into it.
# Safe to run again after an interruption.
set -eu
python=$1/bin/python

if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2> /dev/null; then
    found=$(sh scripts/find_python.sh)
    echo "Making $1 with $found."
    "$found" -m venv --clear --without-pip "$1"
fi

# The pip that comes with Python 3.10 leaves packages that it builds from sources without bytecode
# when PYTHONDONTWRITEBYTECODE is set; every process would then compile them again.
"$python" -m ensurepip > /dev/null
"$python" -m pip install --quiet pip==26.3

# pyfarmhash has no wheels. Where Python's own C++ compiler is missing, Zig's stands in.
compiler=${CXX:-$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("CXX"))')}
if ! command -v "${compiler%% *}" > /dev/null; then
    echo "${compiler%% *} is not here: fetching Zig's C++ compiler from the package index."
    "$python" -m pip install --quiet ziglang==0.17.1
    zig=$("$python" -c 'import ziglang; print(ziglang.__path__[0])')/zig
    export CC="$zig cc" CXX="$zig c++"
fi

echo "Installing the packages; this takes about two minutes the first time."
"$python" -m pip install --quiet --compile -r requirements-dev.txt

# The checkout itself is importable from any folder, which TFX's and Beam's subprocesses need. The
# line counts from site-packages, so the checkout may be moved.
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo '../../../..' > "$packages/mclrec_tf_checkout.pth"
