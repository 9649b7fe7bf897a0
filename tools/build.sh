#!/bin/sh
# build.sh DIR [MESON OPTION..] - configure DIR if need be, then compile it.
#
# Options given for a directory that is configured already are applied to it,
# so `make run` (no tests) and `make check` (with tests) can share one tree
# and only compile what the other has not. Programs keep their assertions.
set -eu

dir=$1
shift
cd "$(dirname "$0")/.."

if [ ! -f "$dir/build.ninja" ]; then
	rm -rf "$dir/meson-private" # left by an interrupted first configuration, if anything
	meson setup "$dir" "$@"
elif [ $# -gt 0 ]; then
	meson configure "$dir" "$@"
fi
exec ninja -C "$dir" ${JOBS:+-j "$JOBS"}
