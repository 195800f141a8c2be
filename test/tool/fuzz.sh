#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh DIR SECONDS RUNS NAME...: runs each libFuzzer target over its corpus, for so many seconds and inputs (-1: any
# number) at most; new inputs stay under DIR. Targets that read manifests start from those of the golden cases too. An
# input may take 10 s with sanitizers, which is less than one without.
set -u
dir=$1 seconds=$2 runs=$3
shift 3
passed=0 failed=0 total=0
mkdir -p "$dir/golden"
for f in test/golden/*/*/in.yaml; do
	name=${f#test/golden/}
	name=${name%/in.yaml}
	[ "$f" -nt "$dir/golden/${name/\//-}" ] && cp "$f" "$dir/golden/${name/\//-}"
done
grep -Eoh '[A-Za-z][A-Za-z./-]{2,}' "$dir"/golden/* | sort | uniq -c | awk '$1 > 2 { print "\"" $2 "\"" }' >"$dir/words"
for name in "$@"; do
	mkdir -p "$dir/corpus/$name"
	seeds=()
	[ -d "test/fuzz/corpus/$name" ] && seeds+=("test/fuzz/corpus/$name")
	words=()
	case $name in
	compile | object | walk | yaml) seeds+=("$dir/golden") words=(-dict="$dir/words") ;;
	esac
	printf '%-16s ' "$name"
	if "$dir/bin/$name" -max_total_time="$seconds" -runs="$runs" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$dir/$name-" \
		-print_final_stats=1 "${words[@]}" "$dir/corpus/$name" "${seeds[@]}" >"$dir/$name.log" 2>&1; then
		passed=$((passed + 1))
		n=$(awk '/number_of_executed_units/ { print $2 }' "$dir/$name.log")
		total=$((total + n))
		echo "$n executions"
	else
		failed=$((failed + 1))
		echo "FAILED; last lines of $dir/$name.log:"
		tail -25 "$dir/$name.log"
	fi
done
echo "$passed passed, $failed failed, $total executions"
[ "$failed" = 0 ]
