#!/bin/sh
# Runs the fast tests and the demo with the set of packages that `make test` does not take on this
# machine: the older one with a Python 3.10 or 3.11 that is here, the newer one in a small Debian 13
# with its own Python 3.13, which root can make with debootstrap. Where neither is possible, it says
# so and ends well.
#
# MCLREC_CACHE=folder keeps the tree and its packages for the next time; ~/.cache/mclrec-tf otherwise.
# DEBIAN_MIRROR=URL is where debootstrap takes the packages of Debian from.
set -eu
cd "$(dirname "$0")/.."

newer=requirements.txt
older=requirements-tfx-1.16.txt
cache=${MCLREC_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/mclrec-tf}

not_possible() {
    echo "The other set of packages was NOT tested: $1"
    exit 0
}

# Copies what belongs to the checkout to a folder; what make installed there before stays.
copy_checkout() {
    mkdir -p "$1"
    find "$1" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
    tar --create --exclude=./.git --exclude=./.venv --exclude=./runs --exclude=__pycache__ . |
        tar --extract --directory "$1"
}

test_with_another_python() {
    python=$(unset PYTHON; PACKAGE_SET=$older sh scripts/find_python.sh 2> /dev/null) ||
        not_possible "this machine has no Python 3.10 for $older."
    copy_checkout "$cache/older/checkout"
    ln -sfn "${MCLREC_SHARED:-$PWD/../shared}" "$cache/older/shared"
    make -C "$cache/older/checkout" test demo PYTHON="${python#* * }"
}

test_in_debian_13() {
    tree=$cache/debian-13
    [ "$(id -u)" = 0 ] || not_possible "only root can make a Debian 13 for $newer."
    unshare --mount true 2> /dev/null || not_possible "no file system can be mounted here, which a Debian 13 for $newer needs."
    if [ ! -e "$tree/root" ]; then
        command -v debootstrap > /dev/null || apt-get install --yes debootstrap > /dev/null 2>&1 ||
            not_possible "debootstrap, which makes a Debian 13 for $newer, is not here."
        echo "Making a Debian 13 in $tree."
        mkdir -p "$cache"
        rm -rf "$tree.new"
        debootstrap --include=ca-certificates,git,make,python3,python3-venv trixie "$tree.new" \
            ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} > "$cache/debootstrap.log" 2>&1 ||
            not_possible "debootstrap could not make a Debian 13; see $cache/debootstrap.log."
        mv "$tree.new" "$tree"
    fi
    copy_checkout "$tree/root/checkout"
    mkdir -p "$tree/root/shared"
    # What the network needs here, it needs there.
    cp /etc/resolv.conf /etc/hosts "$tree/etc/"
    for file in /etc/pip.conf "${SSL_CERT_FILE:-}" "${PIP_CERT:-}" "${REQUESTS_CA_BUNDLE:-}"; do
        [ ! -f "$file" ] || install -D --mode=644 "$file" "$tree$file"
    done
    TREE=$tree SHARED=${MCLREC_SHARED:-$PWD/../shared} unshare --mount sh -euc '
        mount -t proc proc "$TREE/proc"
        mount --rbind /dev "$TREE/dev"
        [ ! -d "$SHARED" ] || mount --bind "$SHARED" "$TREE/root/shared"
        exec chroot "$TREE" env --unset=MAKEFLAGS --unset=MCLREC_SHARED --unset=PYTHON \
            --unset=VIRTUAL_ENV HOME=/root PATH=/usr/bin:/bin LANG=C.UTF-8 \
            make -C /root/checkout test demo
    '
}

own=$(sh scripts/find_python.sh)
case $own in
    *" $newer "*) test_with_another_python ;;
    *) test_in_debian_13 ;;
esac
echo "The other set of packages was tested: fast tests and demo."
