#!/usr/bin/env bash
# fresh-check.sh [COMMIT] - what a stranger does: clone into an empty folder,
# `make check`. Nothing that is not committed can help; the folder is removed
# afterwards, unless the check failed: then its place is printed.
set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
commit=${1:-HEAD}
place=$(mktemp -d "${TMPDIR:-/tmp}/lanyard-fresh-XXXXXX")

git clone --quiet --no-local "$here" "$place/lanyard"
cd "$place/lanyard"
git checkout --quiet "$(git -C "$here" rev-parse "$commit")"
echo "fresh clone of $(git log -1 --format='%h %s') in $PWD"

if ! .ci/run; then
	echo "failed in $PWD" >&2
	exit 1
fi
dirty=$(git status --porcelain)
if [ -n "$dirty" ]; then
	printf 'make check leaves files behind that .gitignore does not know:\n%s\n' "$dirty" >&2
	exit 1
fi
cd /
rm -rf "$place"
