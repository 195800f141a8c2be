#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds what a cluster without machines needs, of the modules that go.mod pins: some ten minutes, once.
#   build.sh DIR kube    DIR/kube: etcd, kube-apiserver, kube-controller-manager, kubectl in one program; DIR/kubectl
#   build.sh DIR helm    DIR/helm
#   build.sh DIR gateway-api    DIR/gateway-api: CustomResourceDefinitions of the Gateway API, its experiments too
# Nothing is done where DIR has it of these very files. Without Go: exit code 3, and a word.
set -euo pipefail
mkdir -p "$1"
dir=$(cd "$1" && pwd)
what=$2
cd "$(dirname "$0")"

kubernetes=$(sed -n 's#^\tk8s.io/kubernetes v\([^ ]*\).*#\1#p' go.mod)
version=k8s.io/component-base/version
minor=$(cut -d. -f2 <<<"$kubernetes")
flags="-s -w -X $version.gitVersion=v$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor"
case $what in
kube)	package=. ;;
helm)	package=helm.sh/helm/v3/cmd/helm
	own=helm.sh/helm/v3
	flags="-s -w -X $own/internal/version.version=v$(sed -n "s#^\t$own v\([^ ]*\).*#\1#p" go.mod)"
	flags+=" -X $own/pkg/chartutil.k8sVersionMajor=1 -X $own/pkg/chartutil.k8sVersionMinor=${minor}" ;;
gateway-api)	module=sigs.k8s.io/gateway-api@v1.6.3 ;;
*)	sed -n '3,7s/^# \?//p' "$0"; exit 2 ;;
esac

stamp=$dir/.$what
want=$(cat go.mod go.sum main.go build.sh | sha256sum)
made() { [ -x "$dir/$what" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; }

made && exit 0
# two makes at once do not build twice
exec 9>"$dir/.$what.lock"
command -v flock >/dev/null && flock 9
made && exit 0

go=$(command -v go || ls /usr/local/go/bin/go /usr/lib/go/bin/go 2>/dev/null | head -1 || true)
if [ -z "$go" ]; then
	echo "$what: is built from Go modules, and there is no Go here: install Go $(sed -n 's/^go //p' go.mod) or newer" >&2
	exit 3
fi
if [ "$what" = gateway-api ]; then
	module=$(cd "$dir" && "$go" mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	install -Dm644 -t "$dir/$what" "$module"/config/crd/experimental/gateway.networking.k8s.io_[!v]*.yaml
	echo "$want" >"$stamp"
	exit
fi
echo "$what: building from Go modules, some minutes" >&2
nice "$go" build -trimpath -ldflags "$flags" -o "$dir/$what" "$package"
[ "$what" = helm ] || ln -sf kube "$dir/kubectl"
echo "$want" >"$stamp"
