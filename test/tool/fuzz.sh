#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh DIR SECONDS NAME...: runs each libFuzzer target over its corpus; new inputs stay under DIR.
set -u
dir=$1 seconds=$2
shift 2
passed=0 failed=0
for name in "$@"; do
	mkdir -p "$dir/corpus/$name"
	seeds=test/fuzz/corpus/$name
	[ -d "$seeds" ] || seeds=
	printf '%-16s ' "$name"
	if "$dir/bin/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$dir/$name-" \
		-print_final_stats=1 "$dir/corpus/$name" $seeds >"$dir/$name.log" 2>&1; then
		passed=$((passed + 1))
		awk '/number_of_executed_units/ { print $2 " executions" }' "$dir/$name.log"
	else
		failed=$((failed + 1))
		echo "FAILED; last lines of $dir/$name.log:"
		tail -25 "$dir/$name.log"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
