#!/bin/sh
# run.sh - build the fuzz targets and run each for its share of the time.
#
#     tests/fuzz/run.sh [SECONDS [TARGET..]]     default: FUZZ_TIME or 60, all (or FUZZ_TARGET)
#
# Speaks TAP, one line a target. Starts from tests/fuzz/corpus/TARGET and what
# earlier runs learned (build-fuzz/corpus). An input that breaks a target is kept
# in tests/fuzz/finds/TARGET/: commit it with the fix, and it is tested for ever.
# FUZZ_FLAVOUR=fast runs without sanitizers: fewer kinds of fault, many more runs.
set -eu
cd "$(dirname "$0")/../.."

seconds=${1:-${FUZZ_TIME:-60}}
[ $# -gt 0 ] && shift
out=${FUZZ_BUILD:-build-fuzz}
flavour=${FUZZ_FLAVOUR:-asan}
# shellcheck disable=SC2086 # a list of names
[ $# -gt 0 ] || [ -z "${FUZZ_TARGET:-}" ] || set -- $FUZZ_TARGET
if [ $# -eq 0 ]; then
	for file in tests/fuzz/fuzz_*.c; do
		name=$(basename "$file" .c)
		[ "$name" = fuzz_script ] || set -- "$@" "$name"
	done
fi

echo "1..$#"
if ! make -s -j"$(nproc)" -f tests/fuzz/Makefile O="$out" TARGETS="$*" >&2; then
	echo "Bail out! the fuzz targets do not build"
	exit 1
fi
share=$((seconds / $#))
[ "$share" -gt 0 ] || share=1
failed=0
number=0
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
for target in "$@"; do
	number=$((number + 1))
	learned=$out/corpus/$target
	finds=tests/fuzz/finds/$target
	log=$out/$target.log
	mkdir -p "$learned" "$finds"
	seeds=
	[ -d "tests/fuzz/corpus/$target" ] && seeds=tests/fuzz/corpus/$target
	# shellcheck disable=SC2086 # no word or one
	if timeout -k 5 $((share + 60)) "$out/$flavour/$target" -max_total_time="$share" -timeout=10 -rss_limit_mb=1024 \
		-max_len=4096 -artifact_prefix="$finds/" "$learned" $seeds >"$log" 2>&1; then
		runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log")
		echo "ok $number - $target: ${runs:-?} inputs in $share s do no harm"
	else
		failed=1
		tail -n 60 "$log" >&2
		echo "not ok $number - $target: an input in $finds/ does harm"
	fi
	rmdir "$finds" 2>/dev/null || true
done
rmdir tests/fuzz/finds 2>/dev/null || true
exit $failed
