#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a C compiler does not say: clang-tidy's findings on lib and cmd. Skips loudly without clang.
set -u
if ! command -v clang-tidy >/dev/null; then
	echo "SKIPPED: clang-tidy is not installed; 'test/tool/deps.sh dev' installs it"
	exit 0
fi
make -s compile_commands.json
git ls-files 'lib/*.c' 'cmd/*.c' | xargs -P 2 -n 8 clang-tidy -p . --quiet 2>/dev/null | grep -E 'warning:|error:' | sort -u >"${TMPDIR:-/tmp}/tidy.$$"
n=$(wc -l <"${TMPDIR:-/tmp}/tidy.$$")
cat "${TMPDIR:-/tmp}/tidy.$$"
rm -f "${TMPDIR:-/tmp}/tidy.$$"
echo "clang-tidy: $n findings"
[ "$n" = 0 ]
