#!/bin/sh
# autogen.sh - make ./configure from configure.ac (autoconf, automake, libtool,
# autoconf-archive and pkg-config are needed; ./run installs them)
set -e
cd "$(dirname "$0")"
mkdir -p m4 build-aux
exec autoreconf --install --force
