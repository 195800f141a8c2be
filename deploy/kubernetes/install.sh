#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs navarchd into the cluster of the current context of kubectl, or brings it up to date. What is there and was
# made by others is left alone, or refused by kubectl with the name of its owner. See README.md.
#   install.sh IMAGE        everything
#   install.sh --prepare    what the rest needs: namespace, CA, keys of tokens, CRDs; for kustomize and Helm
#   install.sh --uninstall  takes it away again; CRDs and their objects, the CA and the namespace stay
# CA_DIR (./navarch-ca): where a CA is made if the cluster has none. Keep it: its root signs the next intermediate.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
base=$top/deploy/kubernetes/base
ns=istio-system
label=app.kubernetes.io/name=navarchd
what=${1:?usage: install.sh IMAGE | --prepare | --uninstall}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

note() { echo "install: $*"; }
apply() { kubectl apply --server-side --field-manager=navarch-install -f - "$@" >/dev/null; }

have()		# KIND NAME
{
	kubectl -n "$ns" get "$1" "$2" --ignore-not-found -o name | grep -q .
}

# Replicas issue from one CA. A CA that is there, Istio's too, is taken as it is.
ca()
{
	local dir=${CA_DIR:-navarch-ca}

	have secret cacerts && return
	"$top/certs/dev.sh" "$dir" >/dev/null
	kubectl -n "$ns" create secret generic cacerts --from-file="$dir/root-cert.pem" --from-file="$dir/ca-cert.pem" \
		--from-file="$dir/ca-key.pem" --from-file="$dir/cert-chain.pem" >/dev/null
	note "made a CA in $dir; keep root-key.pem away from here"
}

# Whose tokens are taken: the API server's own, by its keys of now.
tokens()
{
	local dir=$tmp/tokens issuer

	mkdir "$dir"
	kubectl get --raw /openid/v1/jwks >"$dir/jwks.json"
	issuer=$(kubectl get --raw /.well-known/openid-configuration | sed -n 's/.*"issuer": *"\([^"]*\)".*/\1/p')
	[ -n "$issuer" ] || { note "the API server names no issuer of its tokens"; exit 1; }
	printf '[{"issuer": "%s", "jwksFile": "jwks.json", "audiences": ["istio-ca"]}]\n' "$issuer" >"$dir/rules.json"
	kubectl -n "$ns" create configmap navarchd-tokens --from-file="$dir" --dry-run=client -o yaml |
		kubectl label --local -f - "$label" -o yaml | apply
}

# Kinds that are there already, Istio's own, stay as they are.
crds()
{
	local file name

	for file in "$top"/api/crd/*.yaml; do
		name=$(basename "$file" .yaml)
		have crd "$name" || kubectl create -f "$file" >/dev/null
	done
}

# The root of the CA, base64, by either naming of its files.
root()
{
	kubectl -n "$ns" get secret cacerts -o 'go-template={{or (index .data "root-cert.pem") (index .data "ca.crt")}}'
}

prepare()
{
	have namespace "$ns" || kubectl create -f "$base/namespace.yaml" >/dev/null
	ca
	tokens
	crds
}

case $what in
--prepare)
	prepare
	;;
--uninstall)
	kubectl -n "$ns" delete -l "$label" \
		deployments,services,poddisruptionbudgets,networkpolicies,configmaps,rolebindings,roles,serviceaccounts
	kubectl delete -l "$label" validatingwebhookconfigurations,clusterrolebindings,clusterroles
	;;
-*)
	note "no such option: $what"
	exit 2
	;;
*)
	prepare
	# the settings of the mesh are their owner's, once they are there
	have configmap istio || apply <"$base/mesh.yaml"
	# a daemon that runs keeps it up to date
	root=$(kubectl get validatingwebhookconfiguration navarchd -o 'jsonpath={.webhooks[0].clientConfig.caBundle}' 2>/dev/null || true)
	[ -n "$root" ] || root=$(root)
	kubectl kustomize "$base" | sed "s|image: navarchd:dev|image: $what|; s|caBundle: \"\"|caBundle: $root|" |
		apply -l app.kubernetes.io/component!=mesh
	kubectl -n "$ns" rollout status deployment/navarchd --timeout=120s
	;;
esac
