#!/bin/sh
# deps.sh PURPOSE... - install the Debian packages that these purposes need.
#
# The list is tools/packages.txt. Only what is missing is installed, by name;
# the package index is refreshed only then. When nothing is missing this costs
# one dpkg-query and needs no rights. Works as root or through sudo; otherwise
# it says which command would have done it and fails.
#
# LANYARD_NO_DEPS=1 skips the check (other systems, other sources of the tools).
set -eu

[ "${LANYARD_NO_DEPS:-0}" = 1 ] && exit 0
list=$(dirname "$0")/packages.txt

arch=$(dpkg --print-architecture 2>/dev/null || :)
want=""
for purpose in "$@"; do
	names=$(awk -v p="$purpose" -v a="$arch" '$1 == p || $1 == p "@" a { print $2 }' "$list")
	[ -n "$names" ] || { echo "deps.sh: no purpose '$purpose' in $list" >&2; exit 2; }
	want="$want $names"
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: this is no Debian; install the like of these yourself, then set LANYARD_NO_DEPS=1:" >&2
	echo " $want" >&2
	exit 1
fi

# Installed names, one a line. dpkg-query fails when it does not know one: no error here.
# shellcheck disable=SC2086 # the list is words
have=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $want 2>/dev/null | awk '$1 == "ii" { print $2 }' || :)
missing=""
for name in $want; do
	case " $missing " in *" $name "*) continue ;; esac
	printf '%s\n' "$have" | grep -qx -e "$name" || missing="$missing $name"
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "deps.sh: these Debian packages are missing, and this is neither root nor has sudo. As root:" >&2
		echo "    apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
	sudo=sudo
	[ -t 0 ] || sudo="sudo -n" # nobody is there to type a password
fi

echo "Installing the Debian packages that are missing:$missing"
apt() {
	# shellcheck disable=SC2086 # $sudo is zero to two words
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null
}
apt update
# shellcheck disable=SC2086
apt install -y --no-install-recommends $missing
