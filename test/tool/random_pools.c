/* SPDX-License-Identifier: Apache-2.0 */
#include "random_pools.h"

#include <stddef.h>

#include "random_pem.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE	  ((const char *const[]){NULL})
#define POOL(name) const struct pool pool_##name
#define LOCAL(name) static const struct pool pool_##name

#define X63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
#define X252 X63 X63 X63 X63

/* ---- by type ---- */

POOL(u32) = {LIST("1", "2", "5", "80", "100", "8080"), LIST("0", "65535", "65536", "2147483648", "4294967295")};
POOL(i32) = {LIST("1", "2", "3", "10", "100", "1024"), LIST("0", "-1", "101", "2147483647", "-2147483648", "600")};
POOL(i64) = {LIST("1", "101", "1024", "65537"),
	     LIST("0", "-1", "2", "4", "1000", "5000011", "5000012", "8388608", "8388609", "9223372036854775807")};
POOL(double) = {LIST("1", "10", "50", "99.5", "100"),
		LIST("0", "0.0001", "0.00001", "0.01", "99.99999", "100.5", "-1", "1e300", "1e-300", "1.0000001")};
POOL(duration) = {LIST("1s", "5s", "0.5s", "250ms", "1m", "1h", "10s"),
		  LIST("0s", "1ms", "0.0001s", "2ms", "87600h", "315576000000s", "9223372036s", "-1s", "1h1m1.001s", "2562047h",
		       "4294967s", "4294968s", "2147483648s", "86400s", "1.5ms")};
POOL(base64) = {LIST("aGVsbG8=", "eA=="), LIST("", "////", "AAAA", "4oI=")};
POOL(target_port) = {LIST("80", "8080", "9000", "\"http\"", "\"tcp\""), LIST("0", "1", "65535", "65536", "\"\"", "\"é\"", "\"8080\"")};
POOL(time) = {LIST("2024-01-01T00:00:00Z"), LIST("1970-01-01T00:00:00Z", "2262-04-11T23:47:16Z")};
POOL(node) = {LIST("{}"), LIST("null", "[]", "{\"a\":{\"b\":[1,2]}}", "\"x\"", "1")};
POOL(word) = {LIST("a", "b", "v1", "x-y", "name"),
	      LIST("", "é", "名前", "a b", "%", "*", "a\nb", "a/b", ".", "..", "a.b", "A_B", "~", "\"", "\\", "{x}", X63, X252)};
POOL(label_key) = {LIST("app", "version", "istio", "topology.istio.io/network"),
		   LIST("", "a/b", "a/b/c", "é", "x_y", X63, X63 "h", "-a", "app*")};
POOL(label_value) = {LIST("a", "b", "v1", "v2", "ingressgateway"), LIST("", "*", "-x", "é", "a.b_c-d", X63, X63 "h")};

/* ---- by name ---- */

LOCAL(host) = {LIST("a", "b", "c", "a.default.svc.cluster.local", "b.default.svc.cluster.local", "a.other.svc.cluster.local",
		    "c.default", "ext.example.com", "api.example.org", "www.example.com", "tcp.example.net"),
	       LIST("*", "*.example.com", "*.local", "1.2.3.4", "10.96.0.1", "A.Example.COM", "xn--bcher-kva.example", X63 ".com", "*com",
		    "*.default.svc.cluster.local", "b.default.svc.cluster.local.", "-a", "a_b", "é.com", "127.0.0.1", "localhost",
		    "2001:db8::1", "*-x.example.com", "", "com", X63 "." X63 "." X63 "." X63, "unknown.example.com", "a..b",
		    "*.com", "ext.example.com:80")};
LOCAL(entry_host) = {LIST("ext.example.com", "api.example.org", "www.example.com", "tcp.example.net", "*.wild.example.com"),
		     LIST("a.default.svc.cluster.local", "a", "*.com", "*", "1.2.3.4", "A.Example.COM", "xn--bcher-kva.example",
			  "localhost", "*.example.com", X63 "." X63 "." X63 "." X63, "é.com", "*-x.example.com", "ext.example.com.")};
LOCAL(server_host) = {LIST("*", "a.example.com", "*.example.com", "ext.example.com", "default/www.example.com", "./api.example.org",
			   "*/tcp.example.net"),
		      LIST("", "/", "*/*", "./*", "other/*.com", "1.2.3.4", "2001:db8::1", "a", "~/a.com", "a.example.com:80", "é.com", "*.*",
			   "A.Example.com", "x/y/z", X63 "." X63 "." X63 "." X63)};
LOCAL(egress_host) = {LIST("*/*", "./*", "default/*", "~/*", "*/ext.example.com", "./a.default.svc.cluster.local", "other/*",
			   "istio-system/*"),
		      LIST("a", "", "*/", "/*", "*/*.example.com", "default/a", "~x/*", "é/*", "*/1.2.3.4")};
LOCAL(gateway_name) = {LIST("mesh", "gwa", "istio-system/gwa", "default/gwb", "gwb"), LIST("", "/", "a/b/c", "é", "*", "default/nope")};
LOCAL(delegate_name) = {LIST("a", "b", "c", "d"), LIST("", "é", "nope", "a/b")};
LOCAL(subset) = {LIST("v1", "v2"), LIST("", "V1", "a_b", "a.b", "é", X63, X63 "h")};
LOCAL(port) = {LIST("80", "443", "8080", "9000", "3306"), LIST("0", "1", "65535", "65536", "15001", "15006", "15021", "15090", "4294967295")};
LOCAL(status_port) = {LIST("15020", "15000"), LIST("0", "-1", "65536")};
LOCAL(listen_port) = {LIST("15001", "15006", "15002"), LIST("0", "-1", "65535", "65536", "80")};
LOCAL(protocol) = {LIST("HTTP", "HTTP", "HTTPS", "GRPC", "HTTP2", "TCP", "TLS", "MONGO"),
		   LIST("", "REDIS", "MySQL", "UDP", "grpc-web", "HBONE", "http", "HTTP_PROXY", "SCTP", "x")};
LOCAL(principal) = {LIST("cluster.local/ns/default/sa/a", "*", "*/sa/a", "cluster.local/ns/default/*"),
		    LIST("", "**", "a*b", "é", "a\nb", "(", "*[", "\\", "td/ns/a/sa/b/c", X252, "*.local/ns/a/sa/b")};
LOCAL(namespace_glob) = {LIST("default", "other", "n*", "*x", "*"), LIST("", "(", "a.b", "*a*", "é", "[")};
LOCAL(service_account) = {LIST("a", "default/a"), LIST("", "/", "a/b/c", "*", "(", "a.b")};
LOCAL(net) = {LIST("10.0.0.1", "10.0.0.0/8", "2001:db8::/32"), LIST("", "10.0.0.0/33", "x", "0.0.0.0/0", "::1", "10.0.0.5/8", "::ffff:1.2.3.4")};
LOCAL(authz_port) = {LIST("80", "8080"), LIST("", "0", "65535", "65536", "x", "080")};
LOCAL(authz_method) = {LIST("GET", "P*", "*"), LIST("", "*T", "a b", "é", "get", "\n")};
LOCAL(authz_host) = {LIST("a.example.com", "*.example.com", "a*", "*"), LIST("", "A.example.com:80", "é", "a b", "*.*")};
LOCAL(authz_path) = {LIST("/a", "/api/*", "*.html", "/a/{*}/b", "/a/{**}", "*"),
		     LIST("", "a", "/a?b", "/{**}/{*}", "/{*}{*}", "/{x}", "/{*", "/a/{**}/b", "{*}", "/é", "/%zz", "/a*b", "/{**}.html")};
LOCAL(when_key) = {LIST("request.headers[x-a]", "source.ip", "remote.ip", "source.namespace", "source.principal", "destination.port",
			"destination.ip", "connection.sni", "request.auth.claims[a][b]", "request.auth.principal",
			"request.auth.audiences", "request.auth.presenter", "experimental.envoy.filters.network.mysql_proxy[a.b]"),
		   LIST("", "x", "request.headers[]", "request.headers[a b]", "request.headers[:authority]", "request.headers[:x]",
			"request.headers[é]", "request.headers[a]]", "request.headers", "request.auth.claims[]", "request.auth.claims[a]b]",
			"request.auth.claims[a][][b]", "experimental.envoy.filters.[a]", "experimental.envoy.filters.a", "source.serviceAccount",
			"request.headers[a\nb]", "experimental.envoy.filters.a[]")};
LOCAL(when_value) = {LIST("a", "10.0.0.1", "80", "*", "a*", "*a"), LIST("", "[a]", "[]", "é", "a b", "(", "**", "\n")};
#define RSA_N "3333333333333333333333333333333333333333333333333333333333333333333333333333333333333w"	/* 512 bits */
#define RSA(more) "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"" more "}"
LOCAL(jwks) = {LIST("{\"keys\":[" RSA("") "]}", "{\"keys\":[" RSA(",\"alg\":\"RS256\",\"kid\":\"k\",\"use\":\"sig\"") "," RSA(",\"alg\":\"x\"") "]}",
		    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}]}",
		    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"}]}"),
	       LIST("", "x", "{}", "{\"keys\":[]}", "keys: [{kty: oct, k: c2VjcmV0}]", "{\"keys\":{}}", "{\"keys\":[1,{},{\"kty\":\"oct\",\"k\":\"\"}]}",
		    "{\"keys\":[" RSA(",\"kid\":\"é\",\"d\":\"AQ\"") "]}", "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAAA\"}]}",
		    "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" RSA_N "\"}]}", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AQ\"}]}",
		    "{\"keys\":[" RSA("") "],\"n\":1e999}", "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"_____w\",\"n\":\"" RSA_N "\"}]}",
		    "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"Aw\",\"n\":\"" RSA_N "\"}]}")};
LOCAL(jwks_uri) = {LIST("https://ext.example.com/keys", "http://a/keys", "http://a.default.svc.cluster.local/keys", "https://id.example.com:8443",
			"http://192.0.2.1:8080/k"),
		   LIST("", "http://127.0.0.1:15000/", "http://localhost", "http://[2001:db8::1]:1/x", "http://169.254.169.254/", "ftp://a", "https://é.com/",
			"https://a b/", "http://A.Example.com./k?x=y#z", "http://" X63 "." X63 "." X63 "." X63 "/", "http://1", "http://a_b/", "http://a:65536")};
LOCAL(jwt_text) = {LIST("a", "https://id.example.com", "sub", "org.team"), LIST("", "é", "a b", "a\nb", ".", "a..b", "*", X252, "\"", "%")};
LOCAL(token_prefix) = {LIST("Bearer ", "Token"), LIST("", "é", "a\nb", "a\rb", "\t", "%")};
LOCAL(secret_type) = {LIST("kubernetes.io/tls", "Opaque"), LIST("", "x", "generic")};
LOCAL(transport) = {LIST("TCP"), LIST("UDP", "SCTP", "", "tcp")};
LOCAL(app_protocol) = {LIST("http", "https", "tcp", "grpc", "kubernetes.io/h2c", "kubernetes.io/ws"),
		       LIST("", "mysql", "mongo", "redis", "kubernetes.io/wss", "example.com/x", "HTTP2", "tls", "udp", "x")};
LOCAL(port_name) = {LIST("http", "https", "tcp", "grpc", "tls", "http-web", "http2"),
		    LIST("", "mongo", "redis", "mysql", "udp-x", "x", "HTTP", "é", X63, "a|b", "grpc-web")};
LOCAL(path) = {LIST("/", "/a", "/api/v1", "/b/", "/a/b.c"),
	       LIST("", "a", "//", "/a?b=c", "/a#f", "/é", "/%zz", "/a b", "/{x}", "*", "/a\nb", "/*", "/a/../b", "/" X252, "/%41", "?x",
		    "http://x/y", "/a\tb", "#", "/\\")};
LOCAL(text) = {LIST("a", "/a", "/api", "x-y", "GET", "https"),
	       LIST("", "/", "é", "a b", "*", "a\nb", "%", "//", "/a?b", "/a#b", "\t", X252, "a\x01", "A", "/{a}/*")};
LOCAL(regex) = {LIST(".*", "/api/v[0-9]+/.*", "^(foo|bar)$", "[a-z]{1,3}", "a.b", ".+"),
		LIST("", "(a|b)*c", "\\d+\\.\\d+", "(?i)x", "a{1000}", "a{1001}", "((a{10}){10}){10}", "((a{100}){100}){10}", "[", "(?=x)",
		     "\\1", "\\pL+", "(?P<n>x)", "(?<n>x)", "(?:", "a**", "\\Q..\\E", "(((((((((a)))))))))", "x*", ".", "*", "\\C", "é+",
		     "[[:alpha:]]", "(?s).", "\\z", "\\b", "x{0,1000}", "(x{1,500}){1,2}", "a|", "|", "()", "$^", "[^\\x00-\\x{10FFFF}]",
		     "(.*)(.*)(.*)(.*)(.*)[ab]{50}", "\\p{Greek}", "(?U)a+?")};
LOCAL(substitution) = {LIST("/x/\\1", "/y", "\\0"), LIST("", "\\9", "\\2", "\\", "$1", "\\\\", "a\\x", "é", "\n")};
LOCAL(header_name) = {LIST("x-user", "cookie", "user-agent", "x-test", "authorization"),
		      LIST("", ":path", ":authority", ":status", ":method", ":scheme", "host", "Host", "x-envoy-max-retries", "content-length",
			   "transfer-encoding", "connection", "te", "a b", "é", "x\ny", "x:y", "X-Upper", "@request.auth.claims.sub",
			   "@request.auth.claims[a][b]", "@request.auth.claims", "@x", "x\ty", "x\r", ":protocol", ":x", "x_y", "content-type",
			   "x-forwarded-for", "x-envoy-upstream-rq-timeout-ms", X252, "upgrade", "(x)", "x%y", "date")};
LOCAL(header_value) = {LIST("v", "1", "%START_TIME%", "%DOWNSTREAM_REMOTE_ADDRESS%", "a,b", "%REQ(x-user)%", "%PROTOCOL%"),
		       LIST("", "%", "%%", "%REQ(x)%", "%UNKNOWN%", "%START_TIME(%s)%", "%START_TIME(%Y-%m-%dT%H:%M:%S)%", "%REQ(%", "é",
			    "a\nb", "a\rb", "%DYNAMIC_METADATA(a:b)%", "%PER_REQUEST_STATE(x)%", "%UPSTREAM_METADATA([\"a\",\"b\"])%",
			    "%UPSTREAM_METADATA(a:b)%", "%REQ(a?b):3%", "%REQ(a?b?c)%", "%RESP(x)%", "%ENVIRONMENT(HOME)%", "%CEL(x)%",
			    "%CEL(request.path)%", "%FILTER_STATE(a:PLAIN)%", "%FILTER_STATE(a:X)%", "%FILTER_STATE(a)%", "%TRAILER(x)%",
			    "%RESPONSE_CODE%", "%RESPONSE_CODE(x)%", "%HOSTNAME%", "%REQ():%", "%REQ()%", "%REQ%", "%PROTOCOL%%", "%%%",
			    "%PROTOCOL():3%", "%START_TIME:3%", "%DURATION%", "%REQ(x):0%", "%REQ(x):99999999999999999999%", "%REQ(a b)%",
			    "%CLUSTER_METADATA(a:b:c)%", "%DOWNSTREAM_PEER_CERT_V_START(%s)%", "%DOWNSTREAM_PEER_CERT_V_START%", "x%y%z",
			    "%REQ(:path)%", "%METADATA(ROUTE:a:b)%", "%METADATA(X:a)%", "%TLS_JA3_FINGERPRINT%", "%QUERY_PARAM(a)%",
			    "%REQUEST_HEADER(x)%", "%COALESCE({})%", "%GRPC_STATUS(CAMEL_STRING)%", "%GRPC_STATUS(X)%", "%grpc_status%",
			    "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:ms)%", "%COMMON_DURATION(a:b:c)%", "%PATH(ORIG)%", "%PATH(X)%",
			    "%START_TIME(%f%9f)%", "%START_TIME(%1%)%", "%EMIT_TIME%", "%EMIT_TIME(%s%)%", "%LOCAL_REPLY_BODY%")};
LOCAL(cidr) = {LIST("10.0.0.0/8", "10.1.2.3", "192.168.0.0/16", "2001:db8::/32", "0.0.0.0/0"),
	       LIST("::/0", "10.0.0.1/33", "1.2.3", "", "::ffff:1.2.3.4", "::ffff:1.2.3.4/96", "fe80::1%eth0", "10.1.2.3/0", "10.1.2.3/8",
		    "::1/128", "2001:DB8::1/64", "010.1.2.3", "1.2.3.4/", "1.2.3.4/-1", "::/129")};
LOCAL(entry_address) = {LIST("240.0.0.1", "240.0.0.2", "10.50.0.0/16", "2001:db8::5", "240.0.0.3/32"),
			LIST("0.0.0.0", "0.0.0.0/0", "::", "::/0", "10.96.0.1", "1.2.3.4/33", "x", "", "::ffff:1.2.3.4", "127.0.0.1",
			     "255.255.255.255", "10.50.1.2/16", "2001:DB8::5")};
LOCAL(cluster_ip) = {LIST("10.96.0.1", "10.96.0.2", "10.96.0.3", "10.96.0.4", "10.96.0.5", "None"),
		     LIST("", "::1", "2001:db8::5", "bad", "0.0.0.0", "none", "10.96.0.1/32", "127.0.0.1", "::ffff:10.96.0.9", "::")};
LOCAL(address) = {LIST("10.2.0.1", "10.2.0.2", "10.2.0.3", "host.example.com", "2001:db8::1"),
		  LIST("unix:///var/run/x.sock", "unix://@abs", "", "0.0.0.0", "::", "256.1.1.1", "unix://", "unix://x", "a..b", "127.0.0.1",
		       "10.2.0.1:80", "::ffff:10.2.0.1", "fe80::1%eth0", "é.com", "*.example.com", "localhost", "HOST.example.com",
		       "unix:///" X252, "[::1]", "1.2.3.4.5", "host.example.com.")};
LOCAL(slice_address) = {LIST("10.2.0.1", "10.2.0.2", "10.2.0.3", "10.2.0.4", "2001:db8::1"),
			LIST("", "x", "host.example.com", "0.0.0.0", "::", "256.1.1.1", "::ffff:10.2.0.1", "fe80::1%eth0", "10.2.0.1/32")};
LOCAL(pod_ip) = {LIST("10.2.0.1", "10.2.0.2", "10.2.0.3", "2001:db8::1"), LIST("", "x", "::", "0.0.0.0")};
LOCAL(bind) = {LIST("0.0.0.0", "127.0.0.1", "10.0.0.5", "::1", "::"),
	       LIST("unix:///tmp/x.sock", "unix://@x", "x", "1.2.3.4/32", "", "unix://", "::ffff:1.2.3.4", "fe80::1%eth0", "127.0.0.2",
		    "unix:///" X63 X63, "255.255.255.255")};
LOCAL(default_endpoint) = {LIST("127.0.0.1:8080", "0.0.0.0:9000", "unix:///tmp/app.sock", "[::1]:80"),
			   LIST("", "x", "127.0.0.1:0", "127.0.0.1:65536", "10.1.1.1:80", "[::]:80", ":80", "unix://", "unix://@x", "0.0.0.0",
				"localhost:80", "unix:///" X63 X63)};
LOCAL(file) = {LIST("/etc/certs/cert.pem", "/etc/certs/key.pem", "/etc/certs/ca.pem"), LIST("", "rel.pem", "/é", "a~b", "/a:b", "/a%b")};
LOCAL(credential) = {LIST("cred", "cred", "cred-2", "cred-cacert"),
		     LIST("", "other/cred", "kubernetes://x", "file:///x", "é", "sds://", "builtin://", "kubernetes-gateway://a/b", X252,
			  "invalid://x", "configmap://a/b")};
LOCAL(locality) = {LIST("us/east/1", "us/east/*", "us/*", "eu/west/2", "eu"), LIST("", "a//b", "/", "a/b/c/d", "*/x", "*", "us/east", "é/x")};
LOCAL(region) = {LIST("us", "eu", "ap"), LIST("", "*", "us/east", "é")};
LOCAL(failover) = {LIST("topology.kubernetes.io/region", "topology.istio.io/network", "app=b", "version"), LIST("", "=", "a=b=c", "é", "x=")};
LOCAL(weight_of_hundred) = {LIST("100", "50", "100"), LIST("0", "101", "1", "4294967295")};
LOCAL(weight) = {LIST("1", "10", "50", "100"), LIST("0", "-1", "2147483647", "2147483646", "1000000000")};
LOCAL(endpoint_weight) = {LIST("1", "10", "100"), LIST("0", "128", "4294967295", "2147483648", "4294967294")};
LOCAL(retry_on) = {LIST("5xx", "gateway-error,connect-failure", "retriable-status-codes,503", "reset,cancelled", "connect-failure,refused-stream,unavailable"),
		   LIST("", "503", "x", ",", " 5xx , 404 ", "099", "599", "100,200", "5xx,,503", "retriable-headers", "600", "envoy-ratelimited",
			"503,503")};
LOCAL(redirect_code) = {LIST("301", "302", "303", "307", "308"), LIST("0", "300", "304", "305", "399", "200", "400")};
LOCAL(scheme) = {LIST("http", "https"), LIST("", "HTTP", "ftp", "é")};
LOCAL(status) = {LIST("200", "404", "503", "418"), LIST("0", "99", "100", "199", "600", "599", "601", "999", "201", "204", "304")};
LOCAL(grpc_status) = {LIST("UNAVAILABLE", "NOT_FOUND", "OK"), LIST("14", "unavailable", "", "X")};
LOCAL(authority) = {LIST("a.example.com", "b"), LIST("", "a:80", "é", "a b", "a\nb", "*", "%REQ(x)%", X252)};
LOCAL(method) = {LIST("GET", "POST", "*", "PUT"), LIST("get", "", "X", "CONNECT", "TRACE")};
LOCAL(cors_header) = {LIST("x-user", "content-type", "*"), LIST("", "é", "a b", "x\ny", ":path")};
LOCAL(origin) = {LIST("https://a.example.com", "*"), LIST("", "é", "null", "a\nb")};
LOCAL(san) = {LIST("a.example.com", "spiffe://cluster.local/ns/default/sa/a", "*.example.com"), LIST("", "é", "*", "a\nb", X252)};
LOCAL(sni) = {LIST("a.example.com", "ext.example.com", "*.example.com", "www.example.com"),
	      LIST("*", "", "1.2.3.4", "a.default.svc.cluster.local", "*a.com", "é", "A.example.com", "a", "b.default.svc.cluster.local", X252,
		   "a_b", "*.com")};
LOCAL(export_to) = {LIST(".", "*", "default", "other"), LIST("~", "", "é", "A", "**")};
LOCAL(tunnel_protocol) = {LIST("CONNECT", "POST"), LIST("", "connect", "GET")};
LOCAL(cookie_attribute) = {LIST("SameSite", "Secure", "HttpOnly"), LIST("", "é", "a b", "a;b", "a=b", "a\nb", X252)};
LOCAL(ttl) = {LIST("0s", "1h", "60s"), LIST("-1s", "1ms", "0.0001s", "87600h", "9223372036s", "1.5s")};
LOCAL(cipher) = {LIST("ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-SHA"), LIST("", "x", "TLS_AES_128_GCM_SHA256", "AES128-SHA", "DES-CBC3-SHA", "ECDHE-PSK-AES128-CBC-SHA")};
LOCAL(spki) = {LIST("NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A="), LIST("", "x", "é", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!")};
LOCAL(cert_hash) = {LIST("df6ff72fe9116521268f6f2dd4966f51df479883fe7037b39f75916ac3049d1a"),
		    LIST("", "x", "DF:6F:F7:2F:E9:11:65:21:26:8F:6F:2D:D4:96:6F:51:DF:47:98:83:FE:70:37:B3:9F:75:91:6A:C3:04:9D:1A",
			 "zz6ff72fe9116521268f6f2dd4966f51df479883fe7037b39f75916ac3049d1a")};
LOCAL(node_address_type) = {LIST("ExternalIP", "InternalIP"), LIST("", "x")};
LOCAL(ingress_path) = {LIST("/", "/a", "/api/", "/a/b", "/a/*", "/b.*", "/*"), LIST("", "/é", "/a?b", "/%41", "/a#b", "/" X252, "a", "//", "/{x}")};
LOCAL(path_type) = {LIST("Exact", "Prefix", "Prefix", "ImplementationSpecific"), LIST("", "x")};
LOCAL(ingress_host) = {LIST("a.example.com", "*.example.com", "www.example.com", "ext.example.com"), LIST("", "a", "*", "1.2.3.4", "*.com")};
LOCAL(ingress_class) = {LIST("a", "b"), LIST("", "nope")};
LOCAL(controller) = {LIST("istio.io/ingress-controller", "istio.io/ingress-controller", "example.com/x"), LIST("", "x", "/", "a_b/c")};
LOCAL(log_file) = {LIST("/dev/stdout", "/dev/null"), LIST("", "/dev/stderr")};
LOCAL(log_format) = {LIST("%START_TIME% %REQ(:PATH)%\n", "[%START_TIME%] x", "{\"a\":\"%REQ(x)%\"}", "{\"a\":{\"b\":\"%PROTOCOL%\"}}"),
		     LIST("%", "%BAD%", "{}", "", "[]", "not json", "{\"a\":1}", "{\"a\":[\"%PROTOCOL%\"]}", "{\"a\":null}", "{\"a\":\"%\"}", "%%",
			  "{\"a\":", "%REQ(x):y%", "%START_TIME(%)%", "é", "{\"a\":true}", "{\"a\":\"%BAD%\"}", "%REQ(%", "%FILTER_STATE(x)%",
			  "%CEL(x)%", "%START_TIME(%1%)%", "\"x\"", "%REQ(a?b?c)%", "%LOCAL_REPLY_BODY%")};
LOCAL(trust_domain) = {LIST("cluster.local", "example.com"), LIST("", "1", "é", "*", "a b")};
LOCAL(namespace) = {LIST("default", "other", "istio-system"), LIST("", "é", "*")};
LOCAL(service_type) = {LIST("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), LIST("", "x")};
LOCAL(address_type) = {LIST("IPv4", "IPv6", "FQDN"), LIST("", "x")};
LOCAL(zone) = {LIST("z1", "z2"), LIST("", "é")};
LOCAL(pod_name) = {LIST("a", "b", "c"), LIST("", "nope")};
LOCAL(network) = {LIST("n1", "n2"), LIST("", "é")};
LOCAL(window) = {LIST("65535", "1048576"), LIST("65534", "0", "2147483647", "2147483648", "4294967295")};
LOCAL(hops) = {LIST("0", "1", "2"), LIST("4294967295", "2147483648", "255", "256")};
LOCAL(probes) = {LIST("3", "9"), LIST("0", "2147483647", "2147483648", "4294967295")};
LOCAL(interception) = {LIST("REDIRECT", "TPROXY"), LIST("", "NONE", "x")};
LOCAL(bootstrap_address) = {LIST("istiod.istio-system.svc:15012", "127.0.0.1:9411"), LIST("", "x", "x:0", ":")};
LOCAL(mesh_connect) = {LIST("1s", "5s", "10s"), LIST("30s", "31s", "1ms", "0s", "0.0001s", "-1s")};
LOCAL(stat_prefix) = {LIST("p", "stats.x"), LIST("", "é", "a b", "a:b", "%", X252)};

static const char *const raw_gateway_selector[] = {"{\"istio\":\"ingressgateway\"}", "{\"istio\":\"ingressgateway\"}", "{\"app\":\"a\"}", "{}", NULL};
static const char *const raw_workload[] = {"{\"labels\":{\"app\":\"a\"}}", "{\"labels\":{\"app\":\"b\"}}", "{\"labels\":{}}", NULL};
static const char *const raw_match_labels[] = {"{\"matchLabels\":{\"app\":\"a\"}}", "{\"matchLabels\":{}}", "{}", NULL};
static const char *const raw_selector[] = {"{\"app\":\"a\"}", "{\"app\":\"b\"}", "{\"istio\":\"ingressgateway\"}", "{}", NULL};
/* The edges of a Secret: what is no PEM, cut off, or of the wrong kind, and base64 that is none. That Envoy can use
 * what is in a whole PEM block is not ours to say. */
static const char *const raw_secret_text[] = {
	"{\"tls.crt\":\"" PEM_CERT "\",\"tls.key\":\"" PEM_KEY "\"}",
	"{\"cert\":\"" PEM_CERT "\",\"key\":\"" PEM_KEY "\",\"cacert\":\"" PEM_CA "\"}",
	"{\"tls.crt\":\"" PEM_CERT "\",\"tls.key\":\"" PEM_KEY "\",\"ca.crt\":\"" PEM_CA "\",\"ca.crl\":\"" PEM_CRL "\"}",
	"{\"cacert\":\"" PEM_CA "\",\"crl\":\"" PEM_CRL "\"}", "{\"ca.crt\":\"" PEM_CA PEM_CERT "\"}", "{\"cacert\":\"" PEM_CRL "\"}",
	"{\"cert\":\"x\",\"key\":\"y\"}", "{\"tls.crt\":\"" PEM_KEY "\",\"tls.key\":\"" PEM_CERT "\"}",
	"{\"cacert\":\"" PEM_CA "-----BEGIN CERTIFICATE-----\\n\"}", "{\"ca.crt\":\"" PEM_CA "\",\"ca.crl\":\"x\"}",
	"{\"cacert\":\"" PEM_CA "\",\"crl\":\"" PEM_CERT "\"}", "{\"cacert\":\"é\"}", NULL};
static const char *const raw_policy_selector[] = {"{\"matchLabels\":{\"app\":\"a\"}}", "{}", "{\"matchLabels\":{}}", NULL};
#define TARGET(group, kind) "{\"group\":\"" group "\",\"kind\":\"" kind "\",\"name\":\"a\"}"
static const char *const raw_policy_target[] = {
	TARGET("gateway.networking.k8s.io", "Gateway"), TARGET("", "Service"), TARGET("networking.istio.io", "ServiceEntry"), NULL};
static const char *const raw_policy_targets[] = {
	"[" TARGET("core", "Service") "]", "[" TARGET("gateway.networking.k8s.io", "Gateway") "]", "[" TARGET("gateway.networking.k8s.io", "GatewayClass") "," TARGET("", "Service") "]",
	NULL};
static const char *const raw_action_provider[] = {"{\"name\":\"p\"}", "{\"name\":\"q\"}", "{\"name\":\"none\"}", NULL};
static const char *const raw_providers[] = {
	"[{\"name\":\"p\",\"envoyExtAuthzGrpc\":{\"service\":\"a.default.svc.cluster.local\",\"port\":80,\"statusOnError\":\"403\"}}]",
	"[{\"name\":\"p\",\"envoyExtAuthzHttp\":{\"service\":\"a.default.svc.cluster.local\",\"port\":80,\"pathPrefix\":\"/x\","
	"\"includeRequestHeadersInCheck\":[\"x-a\",\"*\",\"*b\"],\"headersToUpstreamOnAllow\":[\"a b\"],"
	"\"includeAdditionalHeadersInCheck\":{\"x-y\":\"%PROTOCOL%\"}}},"
	"{\"name\":\"q\",\"envoyExtAuthzGrpc\":{\"service\":\"default/a\",\"port\":8080,\"includeRequestBodyInCheck\":{\"maxRequestBytes\":1}}}]",
	"[{\"name\":\"q\",\"envoyExtAuthzGrpc\":{\"service\":\"a.default.svc.cluster.local\",\"port\":80,\"timeout\":\"0s\","
	"\"includeRequestBodyInCheck\":{\"maxRequestBytes\":0}}}]", NULL};
static const char *const raw_secret_data[] = {
	"{\"tls.crt\":\"" PEM_CERT_B64 "\",\"tls.key\":\"" PEM_KEY_B64 "\"}",
	"{\"tls.crt\":\"" PEM_CERT_B64 "\",\"tls.key\":\"" PEM_KEY_B64 "\",\"ca.crt\":\"" PEM_CA_B64 "\",\"ca.crl\":\"" PEM_CRL_B64 "\"}",
	"{\"cert\":\"" PEM_CERT_B64 "\",\"key\":\"" PEM_KEY_B64 "\",\"cacert\":\"" PEM_CA_B64 "\",\"crl\":\"" PEM_CRL_B64 "\"}",
	"{\"tls.crt\":\"" PEM_CERT "\",\"tls.key\":\"x\"}", "{\"cert\":\"eA==\",\"key\":\"AA==\"}", "{\"cacert\":\"!\"}", NULL};
static const char *const raw_ingress_tls[] = {
	"{\"mode\":\"SIMPLE\",\"serverCertificate\":\"/etc/certs/cert.pem\",\"privateKey\":\"/etc/certs/key.pem\"}",
	"{\"mode\":\"MUTUAL\",\"serverCertificate\":\"/etc/certs/cert.pem\",\"privateKey\":\"/etc/certs/key.pem\","
	"\"caCertificates\":\"/etc/certs/ca.pem\",\"subjectAltNames\":[\"a.example.com\"],\"minProtocolVersion\":\"TLSV1_2\"}",
	"{\"mode\":\"OPTIONAL_MUTUAL\"}", "{\"mode\":\"ISTIO_MUTUAL\"}", "{}", NULL};
static const char *const raw_key_provider[] = {"{\"cryptomb\":{\"pollDelay\":\"10ms\"}}", "{}", NULL};
static const char *const raw_ingress_backends[] = {
	"{\"service\":{\"name\":\"a\",\"port\":{\"number\":80}}}", "{\"service\":{\"name\":\"b\",\"port\":{\"number\":8080}}}",
	"{\"service\":{\"name\":\"a\",\"port\":{\"name\":\"http\"}}}", "{\"service\":{\"name\":\"nope\",\"port\":{\"number\":80}}}",
	"{\"resource\":{\"kind\":\"Bucket\",\"name\":\"b\"}}", NULL};
static const char *const raw_proxy_protocol[] = {"{}", "null", NULL};

/* Parents, backends and filters of the Gateway API: a filter's block and type go together. */
#define SVC(name) "{\"group\":\"\",\"kind\":\"Service\",\"name\":\"" name "\"}"
#define AT_GATEWAY(more) "{\"name\":\"a\",\"namespace\":\"istio-system\"" more "}"
static const char *const raw_parents[] = {
	"[" SVC("a") "]", "[" SVC("b") "]", "[" SVC("c") "]", "[" SVC("a") "," SVC("b") "]",
	"[{\"group\":\"\",\"kind\":\"Service\",\"name\":\"a\",\"port\":80}]",
	"[{\"group\":\"\",\"kind\":\"Service\",\"name\":\"a\",\"namespace\":\"default\"}]",
	"[{\"group\":\"networking.istio.io\",\"kind\":\"ServiceEntry\",\"name\":\"a\"}]", "[{\"name\":\"gwa\"}]", "[]",
	"[" AT_GATEWAY("") "]", "[" AT_GATEWAY("") "]", "[" AT_GATEWAY(",\"sectionName\":\"a\"") "," SVC("a") "]",
	"[" AT_GATEWAY(",\"port\":80") "]", "[" AT_GATEWAY(",\"kind\":\"ListenerSet\"") "]", NULL};
#define TO(name, more) "{\"name\":\"" name "\",\"port\":80" more "}"
static const char *const raw_backends[] = {
	"[" TO("a", "") "]", "[" TO("b", "") "]", "[" TO("a", ",\"weight\":3") "," TO("b", ",\"weight\":0") "," TO("c", "") "]",
	"[" TO("nobody", "") "]", "[" TO("a", ",\"namespace\":\"other\"") "]", "[" TO("a", ",\"weight\":1000000") "," TO("b", ",\"weight\":1000000") "]",
	"[{\"group\":\"networking.istio.io\",\"kind\":\"Hostname\",\"name\":\"Ext.example.com\",\"port\":80}]",
	"[{\"group\":\"networking.istio.io\",\"kind\":\"Hostname\",\"name\":\"a|b \\n\",\"port\":65535}]",
	"[{\"group\":\"x.example.com\",\"kind\":\"X\",\"name\":\"a\"}," TO("a", "") "]", "[" TO("a", ",\"weight\":0") "]",
	"[" TO("a", ",\"filters\":[{\"type\":\"ResponseHeaderModifier\",\"responseHeaderModifier\":{\"set\":[{\"name\":\"x\",\"value\":\"%\"}]}}]") "]",
	NULL};
#define FILTER(type, block, value) "{\"type\":\"" type "\",\"" block "\":" value "}"
#define HEADERS(value) "[" FILTER("RequestHeaderModifier", "requestHeaderModifier", value) "]"
#define REDIRECT(value) "[" FILTER("RequestRedirect", "requestRedirect", value) "]"
#define REWRITE(value) "[" FILTER("URLRewrite", "urlRewrite", value) "]"
#define PATH(type, field, value) "{\"path\":{\"type\":\"" type "\",\"" field "\":\"" value "\"}}"
#define MIRROR(more) "[" FILTER("RequestMirror", "requestMirror", "{\"backendRef\":" TO("b", "") more "}") "]"
static const char *const raw_filters[] = {
	HEADERS("{\"set\":[{\"name\":\"X\",\"value\":\"%REQ(\"},{\"name\":\"x\",\"value\":\"y\"}],\"remove\":[\"a\"]}"),
	HEADERS("{\"add\":[{\"name\":\"Host\",\"value\":\"h\"}],\"remove\":[\"\"]}"), HEADERS("{\"remove\":[\"a\\n\",\":path\",\"host\"]}"),
	HEADERS("{\"remove\":[\"é\"]}"), HEADERS("{}"), REDIRECT("{}"), REDIRECT("{\"hostname\":\"a.b\",\"port\":443,\"scheme\":\"https\",\"statusCode\":308}"),
	REDIRECT(PATH("ReplaceFullPath", "replaceFullPath", "")), REDIRECT(PATH("ReplacePrefixMatch", "replacePrefixMatch", "")),
	REDIRECT(PATH("ReplacePrefixMatch", "replacePrefixMatch", "/x?y#z")), REWRITE("{\"hostname\":\"a.b\"}"),
	REWRITE(PATH("ReplaceFullPath", "replaceFullPath", "\\\\1\\\\")), REWRITE(PATH("ReplaceFullPath", "replaceFullPath", "a\\nb")),
	REWRITE(PATH("ReplacePrefixMatch", "replacePrefixMatch", "/")), REWRITE(PATH("ReplacePrefixMatch", "replacePrefixMatch", "x y")),
	REWRITE("{}"), MIRROR(""), MIRROR(",\"percent\":0"), MIRROR(",\"fraction\":{\"numerator\":1,\"denominator\":2147483647}"),
	MIRROR(",\"percent\":100"),
	"[" FILTER("CORS", "cors", "{\"allowOrigins\":[\"*\"],\"allowMethods\":[\"*\"],\"maxAge\":2147483647}") "]",
	"[" FILTER("CORS", "cors", "{\"allowOrigins\":[\"http://*.a-b.c:1\",\"https://x\"],\"allowHeaders\":[\"a\"],\"allowCredentials\":true}") "]",
	"[" FILTER("ExtensionRef", "extensionRef", "{\"group\":\"\",\"kind\":\"X\",\"name\":\"x\"}") "]", NULL};
static const char *const raw_l4_rules[] = {
	"[{\"backendRefs\":[" TO("a", "") "]}]", "[{\"name\":\"x\",\"backendRefs\":[" TO("a", "") "," TO("b", ",\"weight\":7") "]}]",
	"[{\"backendRefs\":[" TO("a", ",\"weight\":0") "]}]", "[{\"backendRefs\":[{\"group\":\"x\",\"kind\":\"X\",\"name\":\"a\"}]}]", NULL};
/* Gateways: the pods of one are those of Gateway a of istio-system. */
LOCAL(api_class) = {LIST("istio"), LIST("istio-remote", "istio-waypoint", "none", "a")};
LOCAL(api_controller) = {LIST("istio.io/gateway-controller"), LIST("example.com/other", "istio.io/mesh-controller", "", "x")};
LOCAL(api_section) = {LIST("a", "b", "c"), LIST("", "é", X63, "A", "a.b")};
LOCAL(api_protocol) = {LIST("HTTP", "HTTPS", "TLS", "TCP"), LIST("UDP", "http", "example.com/x", "", "HBONE")};
LOCAL(api_host) = {LIST("ext.example.com", "*.example.com", "api.example.org"), LIST("", "*", "*.com", "1.2.3.4", "é.com", "a_b", "*.*.com", X63 "." X63)};
#define CERTS(more) "\"certificateRefs\":[{\"name\":\"cred\"}" more "]"
#define MODE(mode) "\"options\":{\"gateway.istio.io/tls-terminate-mode\":\"" mode "\"}"
static const char *const raw_listener_tls[] = {
	"{" CERTS("") "}", "{" CERTS(",{\"name\":\"cred-2\"}") "}", "{" CERTS(",{\"name\":\"nope\",\"namespace\":\"other\"}") "}",
	"{\"mode\":\"Passthrough\"}", "{\"mode\":\"Passthrough\"}", "{\"mode\":\"Terminate\"," MODE("ISTIO_MUTUAL") "}",
	"{" CERTS("") "," MODE("MUTUAL") "}", "{" MODE("ISTIO_SIMPLE") "}", "{" CERTS("") "," MODE("OPTIONAL_MUTUAL") "}",
	"{" CERTS("") ",\"options\":{\"gateway.istio.io/tls-cipher-suites\":\"ECDHE-RSA-AES128-GCM-SHA256,,x\"}}", "{}", NULL};
static const char *const raw_allowed_routes[] = {
	"{\"namespaces\":{\"from\":\"All\"}}", "{\"namespaces\":{\"from\":\"All\"}}", "{\"namespaces\":{\"from\":\"Same\"}}",
	"{\"namespaces\":{\"from\":\"Selector\",\"selector\":{\"matchLabels\":{\"app\":\"a\"}}}}",
	"{\"namespaces\":{\"from\":\"Selector\",\"selector\":{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Exists\"}]}}}",
	"{\"kinds\":[{\"kind\":\"GRPCRoute\"},{\"kind\":\"TLSRoute\"}]}", "{\"namespaces\":{\"from\":\"Selector\"}}", NULL};
static const char *const raw_listener_filters[] = {"{\"requests\":[]}", NULL};
static const char *const raw_addresses[] = {
	"[{\"type\":\"Hostname\",\"value\":\"a\"}]", "[{\"value\":\"192.0.2.1\"}]", "[{\"type\":\"Hostname\",\"value\":\"a.default.svc.cluster.local\"}]",
	"[{\"type\":\"NamedAddress\",\"value\":\"x\"}]", "[]", NULL};
static const char *const raw_infrastructure[] = {"{\"labels\":{\"a\":\"b\"}}", "{}", NULL};
static const char *const raw_allowed_listeners[] = {"{\"namespaces\":{\"from\":\"All\"}}", "{\"namespaces\":{\"from\":\"Same\"}}", "{}", NULL};
#define CLIENTS(kind, more) \
	"{\"frontend\":{\"default\":{\"validation\":{\"caCertificateRefs\":[{\"group\":\"\",\"kind\":\"" kind "\",\"name\":\"cred\"}]" more "}}}}"
static const char *const raw_gateway_tls[] = {
	CLIENTS("ConfigMap", ""), CLIENTS("Secret", ""), CLIENTS("ConfigMap", ",\"mode\":\"AllowInsecureFallback\""),
	"{\"backend\":{\"clientCertificateRef\":{\"name\":\"cred\"}}}", "{\"backend\":{}}", NULL};
static const char *const raw_set_parent[] = {AT_GATEWAY(""), AT_GATEWAY(""), "{\"name\":\"nope\"}", NULL};
#define ROUTES_OF(kind) "{\"group\":\"gateway.networking.k8s.io\",\"kind\":\"" kind "\",\"namespace\":\"default\"}"
static const char *const raw_grant_from[] = {
	"[" ROUTES_OF("HTTPRoute") "," ROUTES_OF("TCPRoute") "," ROUTES_OF("TLSRoute") "," ROUTES_OF("GRPCRoute") "]", "[" ROUTES_OF("Gateway") "]", NULL};
static const char *const raw_grant_to[] = {
	"[{\"group\":\"\",\"kind\":\"Service\"}]", "[{\"group\":\"\",\"kind\":\"Service\",\"name\":\"a\"},{\"group\":\"\",\"kind\":\"Secret\"}]", NULL};
static const char *const raw_tls_targets[] = {
	"[" SVC("a") "]", "[" SVC("b") "]", "[{\"group\":\"\",\"kind\":\"Service\",\"name\":\"a\",\"sectionName\":\"http\"}," SVC("c") "]", NULL};
#define CHECKS(from, name) "{" from ",\"hostname\":\"" name "\"}"
#define FROM_MAP "\"caCertificateRefs\":[{\"group\":\"\",\"kind\":\"ConfigMap\",\"name\":\"cred\"}]"
static const char *const raw_server_validation[] = {
	CHECKS(FROM_MAP, "a.example.com"), CHECKS("\"wellKnownCACertificates\":\"System\"", "b.example.com"),
	CHECKS("\"wellKnownCACertificates\":\"example.com/x\"", "b.example.com"), CHECKS(FROM_MAP, X63 "." X63 "." X63 "." X63),
	CHECKS(FROM_MAP ",\"subjectAltNames\":[{\"type\":\"Hostname\",\"hostname\":\"*.a.com\"},{\"type\":\"URI\",\"uri\":\"spiffe://a/é\"}]", "a.com"),
	NULL};
static const char *const raw_ca_map[] = {
	"{\"ca.crt\":\"" PEM_CA "\"}", "{\"ca.crt\":\"" PEM_CA "\",\"ca.crl\":\"" PEM_CRL "\"}", "{\"ca.crt\":\"x\"}", "{}", NULL};
static const char *const raw_persistence[] = {
	"{\"cookie\":{\"name\":\"a\"}}", "{\"type\":\"Header\",\"header\":{\"name\":\"a\"}}", "{\"cookie\":{\"lifetimeType\":\"Permanent\"}}", NULL};
LOCAL(gwapi_path) = {LIST("/", "/a", "/api/v1", "/b/", "/a/b.c", "/.*"), LIST("", "a", "//", "/a%41", "/a b", "/(x|y)+", "(", "/" X252, "/a/..")};
LOCAL(gwapi_value) = {LIST("a", "v1", "x y", "[0-9]+", ".*"), LIST("", "é", "(", "a\nb", "a{1000}", X252, "  ", "%")};
LOCAL(gwapi_duration) = {LIST("1s", "10s", "250ms", "1h30m", "0s"), LIST("", "1.5s", "99999h99999h99999h99999h", "0ms", "1us", "-1s", "1d")};
LOCAL(gwapi_code) = {LIST("500", "503", "429"), LIST("399", "400", "599", "600", "418")};
LOCAL(gwapi_attempts) = {LIST("1", "3"), LIST("0", "2147483647", "2147483648")};
LOCAL(grpc_name) = {LIST("a", "a.B", "Get_1"), LIST("", ".a", "1a", "a-b", "a.*", "(", "é", X252)};

const struct field_rule random_rules[] = {
	/* Gateways of the Gateway API and what they depend on */
	{"gwapi_gateway_class.controllerName", 99, &pool_api_controller, NULL, NULL},
	{"gwapi_gateway_class.parametersRef", 10, NULL, NULL, NULL},
	{"gwapi_gateway.gatewayClassName", 99, &pool_api_class, NULL, NULL},
	{"gwapi_gateway.listeners", 99, NULL, NULL, NULL},
	{"gwapi_gateway.addresses", 10, NULL, NULL, raw_addresses},
	{"gwapi_gateway.infrastructure", 5, NULL, NULL, raw_infrastructure},
	{"gwapi_gateway.allowedListeners", 60, NULL, NULL, raw_allowed_listeners},
	{"gwapi_gateway.tls", 25, NULL, NULL, raw_gateway_tls},
	{"gwapi_gateway.defaultScope", 3, NULL, NULL, NULL},
	{"gwapi_listener_set.parentRef", 99, NULL, NULL, raw_set_parent},
	{"gwapi_listener_set.listeners", 99, NULL, NULL, NULL},
	{"gwapi_listener.name", 99, &pool_api_section, NULL, NULL},
	{"gwapi_listener.hostname", 40, &pool_api_host, NULL, NULL},
	{"gwapi_listener.port", 99, &pool_port, NULL, NULL},
	{"gwapi_listener.protocol", 99, &pool_api_protocol, NULL, NULL},
	{"gwapi_listener.tls", 45, NULL, NULL, raw_listener_tls},
	{"gwapi_listener.allowedRoutes", 60, NULL, NULL, raw_allowed_routes},
	{"gwapi_listener.filters", 1, NULL, NULL, raw_listener_filters},
	{"gwapi_reference_grant.from", 99, NULL, NULL, raw_grant_from},
	{"gwapi_reference_grant.to", 99, NULL, NULL, raw_grant_to},
	{"gwapi_backend_tls_policy.targetRefs", 99, NULL, NULL, raw_tls_targets},
	{"gwapi_backend_tls_policy.validation", 99, NULL, NULL, raw_server_validation},
	{"k_config_map.data", 99, NULL, NULL, raw_ca_map},
	{"gwapi_far_ref.namespace", 50, &pool_namespace, NULL, NULL},
	{"gwapi_http_route.hostnames", 40, &pool_api_host, NULL, NULL},
	{"gwapi_grpc_route.hostnames", 40, &pool_api_host, NULL, NULL},
	/* HTTPRoute, GRPCRoute */
	{"gwapi_http_route.parentRefs", 97, NULL, NULL, raw_parents},
	{"gwapi_grpc_route.parentRefs", 97, NULL, NULL, raw_parents},
	{"gwapi_l4_route.parentRefs", 97, NULL, NULL, raw_parents},
	{"gwapi_tls_route.parentRefs", 97, NULL, NULL, raw_parents},
	{"gwapi_l4_route.rules", 99, NULL, NULL, raw_l4_rules},
	{"gwapi_tls_route.rules", 99, NULL, NULL, raw_l4_rules},
	{"gwapi_tls_route.hostnames", 97, &pool_host, NULL, NULL},
	{"gwapi_http_route.rules", 97, NULL, NULL, NULL},
	{"gwapi_grpc_route.rules", 97, NULL, NULL, NULL},
	{"gwapi_http_rule.name", 10, &pool_word, NULL, NULL},
	{"gwapi_grpc_rule.name", 10, &pool_word, NULL, NULL},
	{"gwapi_http_rule.matches", 80, NULL, NULL, NULL},
	{"gwapi_grpc_rule.matches", 80, NULL, NULL, NULL},
	{"gwapi_http_rule.filters", 45, NULL, NULL, raw_filters},
	{"gwapi_grpc_rule.filters", 35, NULL, NULL, raw_filters},
	{"gwapi_http_rule.backendRefs", 75, NULL, NULL, raw_backends},
	{"gwapi_grpc_rule.backendRefs", 90, NULL, NULL, raw_backends},
	{"*.sessionPersistence", 2, NULL, NULL, raw_persistence},
	{"gwapi_path_match.value", 95, &pool_gwapi_path, NULL, NULL},
	{"gwapi_http_match.path", 70, NULL, NULL, NULL},
	{"gwapi_header_match.name", 99, &pool_header_name, NULL, NULL},
	{"gwapi_query_match.name", 99, &pool_header_name, NULL, NULL},
	{"gwapi_grpc_header.name", 99, &pool_header_name, NULL, NULL},
	{"gwapi_header_match.value", 99, &pool_gwapi_value, NULL, NULL},
	{"gwapi_query_match.value", 99, &pool_gwapi_value, NULL, NULL},
	{"gwapi_grpc_header.value", 99, &pool_gwapi_value, NULL, NULL},
	{"gwapi_grpc_method.service", 70, &pool_grpc_name, NULL, NULL},
	{"gwapi_grpc_method.method", 70, &pool_grpc_name, NULL, NULL},
	{"gwapi_timeouts.request", 60, &pool_gwapi_duration, NULL, NULL},
	{"gwapi_timeouts.backendRequest", 30, &pool_gwapi_duration, NULL, NULL},
	{"gwapi_retry.backoff", 40, &pool_gwapi_duration, NULL, NULL},
	{"gwapi_retry.codes", 60, &pool_gwapi_code, NULL, NULL},
	{"gwapi_retry.attempts", 60, &pool_gwapi_attempts, NULL, NULL},
	{"*.hostnames", 10, &pool_host, NULL, NULL},
	/* VirtualService */
	{"virtual_service.hosts", 96, &pool_host, NULL, NULL},
	{"virtual_service.gateways", 45, &pool_gateway_name, NULL, NULL},
	{"virtual_service.http", 80, NULL, NULL, NULL},
	{"proxy_headers.setCurrentClientCertDetails", 50, NULL, NULL, NULL},
	{"client_cert_details.chain", 50, NULL, NULL, NULL},
	{"client_cert_details.dns", 50, NULL, NULL, NULL},
	{"server_header.disabled", 50, NULL, NULL, NULL},
	{"tls_match.gateways", 30, &pool_gateway_name, NULL, NULL},
	{"*.gateways", 12, &pool_gateway_name, NULL, NULL},
	{"http_route.match", 70, NULL, NULL, NULL},
	{"http_match.uri", 50, NULL, NULL, NULL},
	{"http_match.headers", 25, NULL, &pool_header_name, NULL},
	{"http_match.withoutHeaders", 15, NULL, &pool_header_name, NULL},
	{"http_match.queryParams", 15, NULL, &pool_header_name, NULL},
	{"http_match.statPrefix", 8, &pool_stat_prefix, NULL, NULL},
	{"tls_match.sniHosts", 97, &pool_sni, NULL, NULL},
	{"tls_match.destinationSubnets", 30, &pool_cidr, NULL, NULL},
	{"*.destinationSubnets", 15, &pool_cidr, NULL, NULL},
	{"*.sourceSubnet", 10, &pool_cidr, NULL, NULL},
	{"*.sourceNamespace", 15, &pool_namespace, NULL, NULL},
	{"string_match.exact", 97, &pool_text, NULL, NULL},
	{"string_match.prefix", 97, &pool_text, NULL, NULL},
	{"string_match.regex", 97, &pool_regex, NULL, NULL},
	{"destination.host", 99, &pool_host, NULL, NULL},
	{"destination.subset", 25, &pool_subset, NULL, NULL},
	{"destination.port", 35, NULL, NULL, NULL},
	{"port_selector.number", 98, &pool_port, NULL, NULL},
	{"*.weight", 60, &pool_weight, NULL, NULL},
	{"header_ops.set", 35, &pool_header_value, &pool_header_name, NULL},
	{"header_ops.add", 35, &pool_header_value, &pool_header_name, NULL},
	{"header_ops.remove", 35, &pool_header_name, NULL, NULL},
	{"http_redirect.uri", 40, &pool_path, NULL, NULL},
	{"http_redirect.authority", 40, &pool_authority, NULL, NULL},
	{"http_redirect.scheme", 30, &pool_scheme, NULL, NULL},
	{"http_redirect.redirectCode", 40, &pool_redirect_code, NULL, NULL},
	{"http_redirect.prefixRewrite", 20, &pool_path, NULL, NULL},
	{"http_redirect.port", 30, &pool_port, NULL, NULL},
	{"direct_response.status", 99, &pool_status, NULL, NULL},
	{"http_rewrite.uri", 50, &pool_path, NULL, NULL},
	{"http_rewrite.authority", 40, &pool_authority, NULL, NULL},
	{"http_rewrite.uriRegexRewrite", 15, NULL, NULL, NULL},
	{"regex_rewrite.match", 97, &pool_regex, NULL, NULL},
	{"regex_rewrite.rewrite", 97, &pool_substitution, NULL, NULL},
	{"http_retry.attempts", 90, NULL, NULL, NULL},
	{"http_retry.retryOn", 50, &pool_retry_on, NULL, NULL},
	{"fault_abort.httpStatus", 90, &pool_status, NULL, NULL},
	{"fault_abort.grpcStatus", 90, &pool_grpc_status, NULL, NULL},
	{"fault_abort.http2Error", 1, NULL, NULL, NULL},
	{"fault_delay.fixedDelay", 95, NULL, NULL, NULL},
	{"fault_delay.exponentialDelay", 1, NULL, NULL, NULL},
	{"http_fault.delay", 60, NULL, NULL, NULL},
	{"http_fault.abort", 60, NULL, NULL, NULL},
	{"*.percentage", 60, NULL, NULL, NULL},
	{"percent.value", 95, NULL, NULL, NULL},
	{"cors_policy.allowOrigin", 5, &pool_origin, NULL, NULL},
	{"cors_policy.allowOrigins", 50, NULL, NULL, NULL},
	{"cors_policy.allowMethods", 50, &pool_method, NULL, NULL},
	{"cors_policy.allowHeaders", 40, &pool_cors_header, NULL, NULL},
	{"cors_policy.exposeHeaders", 40, &pool_cors_header, NULL, NULL},
	{"delegate.name", 97, &pool_delegate_name, NULL, NULL},
	{"delegate.namespace", 30, &pool_namespace, NULL, NULL},
	/* DestinationRule */
	{"destination_rule.host", 99, &pool_host, NULL, NULL},
	{"destination_rule.trafficPolicy", 80, NULL, NULL, NULL},
	{"destination_rule.subsets", 50, NULL, NULL, NULL},
	{"destination_rule.workloadSelector", 10, NULL, NULL, raw_match_labels},
	{"subset.name", 99, &pool_subset, NULL, NULL},
	{"subset.labels", 80, NULL, NULL, NULL},
	{"traffic_policy.loadBalancer", 40, NULL, NULL, NULL},
	{"traffic_policy.connectionPool", 40, NULL, NULL, NULL},
	{"traffic_policy.outlierDetection", 35, NULL, NULL, NULL},
	{"traffic_policy.tls", 35, NULL, NULL, NULL},
	{"port_policy.port", 97, NULL, NULL, NULL},
	{"load_balancer.localityLbSetting", 25, NULL, NULL, NULL},
	{"locality_distribute.from", 97, &pool_locality, NULL, NULL},
	{"locality_distribute.to", 97, &pool_weight_of_hundred, &pool_locality, NULL},
	{"locality_failover.from", 95, &pool_region, NULL, NULL},
	{"locality_failover.to", 95, &pool_region, NULL, NULL},
	{"*.failoverPriority", 25, &pool_failover, NULL, NULL},
	{"consistent_hash.httpHeaderName", 90, &pool_header_name, NULL, NULL},
	{"consistent_hash.httpQueryParameterName", 90, &pool_word, NULL, NULL},
	{"consistent_hash.httpCookie", 90, NULL, NULL, NULL},
	{"hash_cookie.name", 99, &pool_cookie_attribute, NULL, NULL},
	{"hash_cookie.path", 40, &pool_path, NULL, NULL},
	{"hash_cookie.ttl", 60, &pool_ttl, NULL, NULL},
	{"cookie_attribute.name", 99, &pool_cookie_attribute, NULL, NULL},
	{"cookie_attribute.value", 60, &pool_cookie_attribute, NULL, NULL},
	{"connection_pool.tcp", 60, NULL, NULL, NULL},
	{"connection_pool.http", 60, NULL, NULL, NULL},
	{"h2_keepalive.interval", 95, NULL, NULL, NULL},
	{"h2_keepalive.timeout", 95, NULL, NULL, NULL},
	{"tcp_keepalive.probes", 50, &pool_probes, NULL, NULL},
	{"tunnel.protocol", 50, &pool_tunnel_protocol, NULL, NULL},
	{"tunnel.targetHost", 99, &pool_host, NULL, NULL},
	{"tunnel.targetPort", 99, &pool_port, NULL, NULL},
	{"client_tls.mode", 95, NULL, NULL, NULL},
	{"client_tls.credentialName", 25, &pool_credential, NULL, NULL},
	{"*.clientCertificate", 25, &pool_file, NULL, NULL},
	{"*.privateKey", 20, &pool_file, NULL, NULL},
	{"*.serverCertificate", 20, &pool_file, NULL, NULL},
	{"tls_certificate.serverCertificate", 90, &pool_file, NULL, NULL},
	{"tls_certificate.privateKey", 90, &pool_file, NULL, NULL},
	{"tls_certificate.caCertificates", 40, &pool_file, NULL, NULL},
	{"*.caCrl", 5, &pool_file, NULL, NULL},
	{"client_tls.caCertificates", 25, &pool_file, NULL, NULL},
	{"server_tls.caCertificates", 15, &pool_file, NULL, NULL},
	{"*.subjectAltNames", 20, &pool_san, NULL, NULL},
	{"client_tls.sni", 30, &pool_sni, NULL, NULL},
	/* Gateway, Sidecar */
	{"gateway.servers", 100, NULL, NULL, NULL},
	{"gateway.selector", 97, NULL, NULL, raw_gateway_selector},
	{"gw_server.bind", 12, &pool_bind, NULL, NULL},
	{"gw_server.hosts", 99, &pool_server_host, NULL, NULL},
	{"gw_server.tls", 50, NULL, NULL, NULL},
	{"gw_port.number", 99, &pool_port, NULL, NULL},
	{"gw_port.protocol", 99, &pool_protocol, NULL, NULL},
	{"gw_port.name", 99, &pool_port_name, NULL, NULL},
	{"server_tls.mode", 97, NULL, NULL, NULL},
	{"server_tls.credentialName", 60, &pool_credential, NULL, NULL},
	{"server_tls.credentialNames", 8, &pool_credential, NULL, NULL},
	{"server_tls.caCertCredentialName", 8, &pool_credential, NULL, NULL},
	{"server_tls.tlsCertificates", 25, NULL, NULL, NULL},
	{"server_tls.cipherSuites", 15, &pool_cipher, NULL, NULL},
	{"server_tls.verifyCertificateSpki", 10, &pool_spki, NULL, NULL},
	{"server_tls.verifyCertificateHash", 10, &pool_cert_hash, NULL, NULL},
	{"sidecar.workloadSelector", 40, NULL, NULL, raw_workload},
	{"sidecar.egress", 70, NULL, NULL, NULL},
	{"sidecar.ingress", 50, NULL, NULL, NULL},
	{"sidecar_egress.hosts", 99, &pool_egress_host, NULL, NULL},
	{"sidecar_port.number", 97, &pool_port, NULL, NULL},
	{"sidecar_port.protocol", 97, &pool_protocol, NULL, NULL},
	{"sidecar_port.name", 97, &pool_port_name, NULL, NULL},
	{"*.bind", 20, &pool_bind, NULL, NULL},
	{"sidecar_ingress.tls", 20, NULL, NULL, raw_ingress_tls},
	{"sidecar_ingress.defaultEndpoint", 80, &pool_default_endpoint, NULL, NULL},
	{"k_node_address.type", 99, &pool_node_address_type, NULL, NULL},
	{"k_node_address.address", 99, &pool_slice_address, NULL, NULL},
	/* Ingress */
	{"k_ingress.ingressClassName", 20, &pool_ingress_class, NULL, NULL},
	{"k_ingress.defaultBackend", 10, NULL, NULL, NULL},
	{"k_ingress.tls", 50, NULL, NULL, NULL},
	{"k_ingress.rules", 97, NULL, NULL, NULL},
	{"k_ingress_tls.hosts", 70, &pool_ingress_host, NULL, NULL},
	{"k_ingress_tls.secretName", 90, &pool_credential, NULL, NULL},
	{"k_ingress_rule.host", 80, &pool_ingress_host, NULL, NULL},
	{"k_ingress_rule.http", 95, NULL, NULL, NULL},
	{"k_ingress_http.paths", 99, NULL, NULL, NULL},
	{"k_ingress_path.path", 95, &pool_ingress_path, NULL, NULL},
	{"k_ingress_path.pathType", 99, &pool_path_type, NULL, NULL},
	{"k_ingress_path.backend", 99, NULL, NULL, raw_ingress_backends},
	{"k_backend.service", 85, NULL, NULL, NULL},
	{"k_backend.resource", 10, NULL, NULL, NULL},
	{"k_backend_service.name", 99, &pool_pod_name, NULL, NULL},
	{"k_backend_service.port", 99, NULL, NULL, NULL},
	{"k_backend_port.name", 15, &pool_port_name, NULL, NULL},
	{"k_backend_port.number", 85, &pool_port, NULL, NULL},
	{"k_ingress_class.controller", 97, &pool_controller, NULL, NULL},
	/* AuthorizationPolicy */
	{"authorization_policy.selector", 25, NULL, NULL, raw_policy_selector},
	{"authorization_policy.targetRef", 3, NULL, NULL, raw_policy_target},
	{"authorization_policy.targetRefs", 3, NULL, NULL, raw_policy_targets},
	{"authorization_policy.rules", 92, NULL, NULL, NULL},
	{"authorization_policy.action", 70, NULL, NULL, NULL},
	{"authorization_policy.provider", 30, NULL, NULL, raw_action_provider},
	{"authz_source.principals", 30, &pool_principal, NULL, NULL},
	{"authz_source.notPrincipals", 15, &pool_principal, NULL, NULL},
	{"authz_source.requestPrincipals", 20, &pool_principal, NULL, NULL},
	{"authz_source.notRequestPrincipals", 10, &pool_principal, NULL, NULL},
	{"authz_source.namespaces", 20, &pool_namespace_glob, NULL, NULL},
	{"authz_source.notNamespaces", 15, &pool_namespace_glob, NULL, NULL},
	{"authz_source.serviceAccounts", 15, &pool_service_account, NULL, NULL},
	{"authz_source.notServiceAccounts", 10, &pool_service_account, NULL, NULL},
	{"authz_source.trustDomains", 10, &pool_namespace_glob, NULL, NULL},
	{"authz_source.notTrustDomains", 10, &pool_namespace_glob, NULL, NULL},
	{"authz_source.ipBlocks", 25, &pool_net, NULL, NULL},
	{"authz_source.notIpBlocks", 15, &pool_net, NULL, NULL},
	{"authz_source.remoteIpBlocks", 20, &pool_net, NULL, NULL},
	{"authz_source.notRemoteIpBlocks", 15, &pool_net, NULL, NULL},
	{"authz_operation.hosts", 30, &pool_authz_host, NULL, NULL},
	{"authz_operation.notHosts", 15, &pool_authz_host, NULL, NULL},
	{"authz_operation.ports", 40, &pool_authz_port, NULL, NULL},
	{"authz_operation.notPorts", 15, &pool_authz_port, NULL, NULL},
	{"authz_operation.methods", 35, &pool_authz_method, NULL, NULL},
	{"authz_operation.notMethods", 15, &pool_authz_method, NULL, NULL},
	{"authz_operation.paths", 40, &pool_authz_path, NULL, NULL},
	{"authz_operation.notPaths", 15, &pool_authz_path, NULL, NULL},
	{"authz_when.key", 99, &pool_when_key, NULL, NULL},
	{"authz_when.values", 80, &pool_when_value, NULL, NULL},
	{"authz_when.notValues", 30, &pool_when_value, NULL, NULL},
	/* RequestAuthentication */
	{"request_authentication.selector", 25, NULL, NULL, raw_policy_selector},
	{"request_authentication.targetRef", 3, NULL, NULL, raw_policy_target},
	{"request_authentication.targetRefs", 3, NULL, NULL, raw_policy_targets},
	{"request_authentication.jwtRules", 97, NULL, NULL, NULL},
	{"jwt_rule.issuer", 99, &pool_jwt_text, NULL, NULL},
	{"jwt_rule.audiences", 30, &pool_jwt_text, NULL, NULL},
	{"jwt_rule.jwks", 45, &pool_jwks, NULL, NULL},
	{"jwt_rule.jwksUri", 35, &pool_jwks_uri, NULL, NULL},
	{"jwt_rule.fromHeaders", 25, NULL, NULL, NULL},
	{"jwt_rule.fromParams", 20, &pool_jwt_text, NULL, NULL},
	{"jwt_rule.fromCookies", 20, &pool_jwt_text, NULL, NULL},
	{"jwt_rule.outputPayloadToHeader", 20, &pool_header_name, NULL, NULL},
	{"jwt_rule.outputClaimToHeaders", 20, NULL, NULL, NULL},
	{"jwt_rule.spaceDelimitedClaims", 15, &pool_jwt_text, NULL, NULL},
	{"jwt_header.name", 99, &pool_header_name, NULL, NULL},
	{"jwt_header.prefix", 50, &pool_token_prefix, NULL, NULL},
	{"claim_to_header.header", 99, &pool_header_name, NULL, NULL},
	{"claim_to_header.claim", 99, &pool_jwt_text, NULL, NULL},
	/* ServiceEntry, WorkloadEntry */
	{"service_entry.hosts", 99, &pool_entry_host, NULL, NULL},
	{"service_entry.addresses", 35, &pool_entry_address, NULL, NULL},
	{"service_entry.ports", 96, NULL, NULL, NULL},
	{"service_entry.resolution", 90, NULL, NULL, NULL},
	{"service_entry.endpoints", 40, NULL, NULL, NULL},
	{"service_entry.workloadSelector", 15, NULL, NULL, raw_workload},
	{"se_port.number", 99, &pool_port, NULL, NULL},
	{"se_port.targetPort", 20, &pool_port, NULL, NULL},
	{"se_port.protocol", 90, &pool_protocol, NULL, NULL},
	{"se_port.name", 99, &pool_port_name, NULL, NULL},
	{"workload_entry.address", 97, &pool_address, NULL, NULL},
	{"workload_entry.ports", 30, &pool_port, &pool_port_name, NULL},
	{"workload_entry.labels", 70, NULL, NULL, NULL},
	{"workload_entry.locality", 25, &pool_locality, NULL, NULL},
	{"workload_entry.weight", 25, &pool_endpoint_weight, NULL, NULL},
	{"workload_entry.network", 15, &pool_network, NULL, NULL},
	/* Kubernetes */
	{"k_service.spec", 99, NULL, NULL, NULL},
	{"k_service_spec.clusterIP", 95, &pool_cluster_ip, NULL, NULL},
	{"k_service_spec.clusterIPs", 15, &pool_cluster_ip, NULL, NULL},
	{"k_service_spec.type", 25, &pool_service_type, NULL, NULL},
	{"k_service_spec.externalName", 15, &pool_host, NULL, NULL},
	{"k_service_spec.ports", 97, NULL, NULL, NULL},
	{"k_service_spec.selector", 90, NULL, NULL, raw_selector},
	{"k_service_spec.externalIPs", 8, &pool_cluster_ip, NULL, NULL},
	{"k_service_port.name", 95, &pool_port_name, NULL, NULL},
	{"k_service_port.port", 99, &pool_port, NULL, NULL},
	{"k_service_port.protocol", 40, &pool_transport, NULL, NULL},
	{"k_service_port.targetPort", 60, NULL, NULL, NULL},
	{"k_endpoint_slice.addressType", 95, &pool_address_type, NULL, NULL},
	{"k_endpoint_slice.endpoints", 97, NULL, NULL, NULL},
	{"k_endpoint_slice.ports", 97, NULL, NULL, NULL},
	{"k_endpoint.addresses", 99, &pool_slice_address, NULL, NULL},
	{"k_endpoint.zone", 25, &pool_zone, NULL, NULL},
	{"k_object_ref.name", 97, &pool_pod_name, NULL, NULL},
	{"k_object_ref.namespace", 80, &pool_namespace, NULL, NULL},
	{"k_endpoint_port.name", 95, &pool_port_name, NULL, NULL},
	{"k_endpoint_port.port", 97, &pool_port, NULL, NULL},
	{"k_endpoint_port.protocol", 30, &pool_transport, NULL, NULL},
	{"k_pod.spec", 95, NULL, NULL, NULL},
	{"k_pod.status", 97, NULL, NULL, NULL},
	{"k_pod_status.podIP", 97, &pool_pod_ip, NULL, NULL},
	{"k_pod_ip.ip", 97, &pool_pod_ip, NULL, NULL},
	{"k_container_port.containerPort", 97, &pool_port, NULL, NULL},
	{"k_container_port.name", 80, &pool_port_name, NULL, NULL},
	{"k_container_port.protocol", 30, &pool_transport, NULL, NULL},
	{"*.appProtocol", 25, &pool_app_protocol, NULL, NULL},
	{"workload_group.probe", 60, NULL, NULL, NULL},
	{"probe_http.port", 98, &pool_port, NULL, NULL},
	{"probe_http.scheme", 70, &pool_scheme, NULL, NULL},
	{"probe_http.httpHeaders", 30, NULL, NULL, NULL},
	{"probe_header.name", 97, &pool_header_name, NULL, NULL},
	{"probe_header.value", 97, &pool_word, NULL, NULL},
	{"probe_grpc.port", 97, &pool_port, NULL, NULL},
	{"probe_grpc.service", 50, &pool_word, NULL, NULL},
	{"probe_tcp.port", 98, &pool_port, NULL, NULL},
	{"k_secret.type", 90, &pool_secret_type, NULL, NULL},
	{"k_secret.data", 40, NULL, NULL, raw_secret_data},
	{"k_secret.stringData", 60, NULL, NULL, raw_secret_text},
	/* MeshConfig */
	{"mesh_config.proxyListenPort", 6, &pool_listen_port, NULL, NULL},
	{"mesh_config.proxyInboundListenPort", 6, &pool_listen_port, NULL, NULL},
	{"mesh_config.proxyHttpPort", 10, &pool_listen_port, NULL, NULL},
	{"mesh_config.connectTimeout", 20, &pool_mesh_connect, NULL, NULL},
	{"mesh_config.trustDomain", 12, &pool_trust_domain, NULL, NULL},
	{"mesh_config.trustDomainAliases", 12, &pool_trust_domain, NULL, NULL},
	{"mesh_config.rootNamespace", 8, &pool_namespace, NULL, NULL},
	{"mesh_config.accessLogFile", 50, &pool_log_file, NULL, NULL},
	{"mesh_config.accessLogFormat", 40, &pool_log_format, NULL, NULL},
	{"mesh_config.accessLogEncoding", 40, NULL, NULL, NULL},
	{"mesh_config.defaultServiceExportTo", 5, &pool_export_to, NULL, NULL},
	{"mesh_config.defaultVirtualServiceExportTo", 5, &pool_export_to, NULL, NULL},
	{"mesh_config.defaultDestinationRuleExportTo", 5, &pool_export_to, NULL, NULL},
	{"mesh_config.extensionProviders", 30, NULL, NULL, raw_providers},
	{"mesh_config.discoverySelectors", 2, NULL, NULL, NULL},
	{"gateway_topology.numTrustedProxies", 60, &pool_hops, NULL, NULL},
	{"gateway_topology.proxyProtocol", 30, NULL, NULL, raw_proxy_protocol},
	{"connection_settings.http2InitialStreamWindowSize", 20, &pool_window, NULL, NULL},
	{"connection_settings.http2InitialConnectionWindowSize", 20, &pool_window, NULL, NULL},
	{"proxy_headers.metadataExchangeHeaders", 30, NULL, NULL, NULL},
	{"exchange_headers.mode", 80, NULL, NULL, NULL},
	{"proxy_config.privateKeyProvider", 3, NULL, NULL, raw_key_provider},
	{"proxy_config.gatewayTopology", 50, NULL, NULL, NULL},
	{"proxy_config.discoveryAddress", 5, &pool_bootstrap_address, NULL, NULL},
	{"proxy_config.statsdUdpAddress", 5, &pool_bootstrap_address, NULL, NULL},
	{"proxy_config.zipkinAddress", 3, &pool_bootstrap_address, NULL, NULL},
	{"proxy_config.statusPort", 10, &pool_status_port, NULL, NULL},
	{"proxy_config.proxyAdminPort", 10, &pool_status_port, NULL, NULL},
	{"proxy_config.interceptionMode", 10, &pool_interception, NULL, NULL},
	{"*.exportTo", 10, &pool_export_to, NULL, NULL},
	{"*.port", 20, &pool_port, NULL, NULL},
	{0},
};

const struct random_excuse random_excuses[] = {
	{"fault_delay.exponentialDelay", "refused, as Istio refuses it"},
	{"fault_abort.http2Error", "refused, as Istio refuses it"},
	{NULL, NULL},
};

const char *const random_namespaces[] = {"default", "default", "default", "other", "istio-system", NULL};

const struct meta_pair random_labels[] = {
	{"app", 85, LIST("a", "a", "b", "c")},
	{"version", 60, LIST("v1", "v2", X63)},
	{"istio", 10, LIST("ingressgateway")},
	{"kubernetes.io/service-name", 90, LIST("a", "b", "c", "d")},
	{"topology.istio.io/network", 6, LIST("n1", "")},
	{"topology.istio.io/subzone", 6, LIST("s1")},
	{"topology.kubernetes.io/region", 6, LIST("us", "eu")},
	{"topology.kubernetes.io/zone", 6, LIST("z1")},
	{"istio-locality", 6, LIST("us.east.1", "é")},
	{"security.istio.io/tlsMode", 30, LIST("istio", "disabled")},
	{"service.istio.io/canonical-name", 10, LIST("a", "x")},
	{NULL, 0, NULL},
};

const struct meta_pair random_annotations[] = {
	{"traffic.istio.io/nodeSelector", 5, LIST("{}", "{\"app\":\"a\"}", "x", "[1]")},
	{"kubernetes.io/ingress.class", 60, LIST("istio", "istio", "istio", "nginx")},
	{"networking.istio.io/exportTo", 6, LIST("*", ".", "~", "default,other", "", ",", "é")},
	{"networking.istio.io/traffic-distribution", 6, LIST("PreferClose", "x")},
	{"proxy.istio.io/config", 6, LIST("gatewayTopology: {numTrustedProxies: 2}", "{", "concurrency: -1", "gatewayTopology: {proxyProtocol: {}}",
					   "connectionSettings: {http2InitialStreamWindowSize: 1}", "connectionSettings: {profile: EDGE, httpIdleTimeout: -1s}")},
	{NULL, 0, NULL},
};
