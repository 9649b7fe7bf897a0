#!/usr/bin/env bash
# run.sh [BUILD] - what `make run` does after the build: the daemon with its
# embedded defaults, two simulated boards that talk to it, and what to try.
#
# Everything started here ends with it: on Ctrl-C, on SIGTERM, after
# RUN_SECONDS if that is set, or when one of the programs ends by itself
# (which is then a failure, and said so).
set -u

build=${1:-build}
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
host=127.0.0.1 port=8123
declare -A name=() # pid -> what it is

say() { printf '%s\n' "$*"; }

fail() {
	printf 'make run: %s\n' "$*" >&2
	exit 1
}

# Ask all children to end, give them five seconds, then insist.
# shellcheck disable=SC2317 # called by the trap
end_children() {
	trap '' INT TERM
	local pid deadline=$((SECONDS + 5))
	for pid in "${!name[@]}"; do kill -TERM "$pid" 2>/dev/null; done
	for pid in "${!name[@]}"; do
		while kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
		kill -KILL "$pid" 2>/dev/null && say "${name[$pid]} did not end in time; killed"
		wait "$pid" 2>/dev/null
	done
	name=()
}
trap end_children EXIT
trap 'say; say "ending"; exit 0' INT TERM

taken() { (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; }

# start NAME COMMAND.. - in the background, its output marked with its name.
start() {
	local what=$1
	shift
	"$@" > >(trap '' INT; exec sed -u "s/^/$what: /") 2>&1 </dev/null &
	name[$!]=$what
}

for program in lanyardd lanyard examples/board; do
	[ -x "$build/$program" ] || fail "$build/$program is not built"
done
taken && fail "port $port on $host is taken: is a lanyardd running already? (ss -ltnp 'sport = :$port' shows it)"

start lanyardd "$build/lanyardd"
daemon=$!
for ((tries = 0; ; tries++)); do
	"$build/lanyard" status >/dev/null 2>&1 && break
	kill -0 "$daemon" 2>/dev/null || fail "lanyardd ended at once; its last words are above"
	[ "$tries" -lt 100 ] || fail "lanyardd is not reachable after 10 s"
	sleep 0.1
done
for board in 1 2; do # each says something every two seconds
	start "board $board" "$build/examples/board" "$host:$port" "$board" 2
done
for ((tries = 0; tries < 50; tries++)); do
	[ "$("$build/lanyard" link list | grep -c '/[12]  *up ')" = 2 ] && break
	sleep 0.1
done

cat <<END

Lanyard is running: a link server on $host:$port and two simulated boards.
In another terminal, here:

  $build/lanyard                               what is going on
  $build/lanyard link watch                    each line and each change, as it happens
  $build/lanyard link send 1 '[1]'             a line to board 1, exactly once
  $build/lanyard link connect $host:$port --id 3    be a board yourself: type lines

Break it: a relay on port 8124 that drops, delays and cuts, and a board behind it:

  $build/lanyard lab impair 127.0.0.1:8124 $host:$port --loss 10% --delay 20ms --seed 1
  $build/examples/board 127.0.0.1:8124 4

END
if [ -n "${RUN_SECONDS:-}" ]; then
	say "Running for $RUN_SECONDS seconds."
	sleep "$RUN_SECONDS" &
	name[$!]="time limit"
else
	say "Ctrl-C ends all of it."
fi

wait -n -p ended "${!name[@]}"
code=$?
[ "${name[$ended]}" = "time limit" ] && exit 0
fail "${name[$ended]} ended by itself (exit code $code)"
