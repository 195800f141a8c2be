#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A development root, an intermediate below it, and a Gateway's certificate as a Secret: see README.md.
set -euo pipefail
dir=${1:?usage: certs/dev.sh DIR [HOST...]}
shift
[ $# -gt 0 ] || set -- '*.example.com'
umask 077
mkdir -p "$dir"
cd "$dir"

key() { [ -s "$1" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# sign REQUEST OUT EXTENSIONS DAYS ISSUER: a certificate signed by ISSUER-cert.pem
sign()
{
	openssl x509 -req -in "$1" -out "$2" -days "$4" -CA "$5-cert.pem" -CAkey "$5-key.pem" \
		-set_serial "0x$(openssl rand -hex 16)" -extfile <(printf '%s\n' "$3") 2>/dev/null
}

key root-key.pem
[ -s root-cert.pem ] || openssl req -x509 -new -key root-key.pem -out root-cert.pem -days 3650 \
	-subj "/O=Navarch development/CN=root" -addext "keyUsage=critical,keyCertSign,cRLSign"

key ca-key.pem
openssl req -new -key ca-key.pem -subj "/O=Navarch development/CN=intermediate" -out ca.csr
sign ca.csr ca-cert.pem "basicConstraints=critical,CA:true,pathlen:0
keyUsage=critical,keyCertSign,cRLSign" 730 root
cat ca-cert.pem root-cert.pem >cert-chain.pem

key gateway-key.pem
names=$(printf 'DNS:%s,' "$@")
openssl req -new -key gateway-key.pem -subj "/O=Navarch development" -out gateway.csr
sign gateway.csr gateway-cert.pem "subjectAltName=${names%,}
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth" 90 ca
cat >gateway-secret.yaml <<SECRET
apiVersion: v1
kind: Secret
metadata: {name: gateway-cert, namespace: istio-system}
type: kubernetes.io/tls
data:
  tls.crt: $(cat gateway-cert.pem ca-cert.pem | base64 -w0)
  tls.key: $(base64 -w0 <gateway-key.pem)
SECRET
rm -f ca.csr gateway.csr
openssl verify -CAfile root-cert.pem -untrusted ca-cert.pem gateway-cert.pem
