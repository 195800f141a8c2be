#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""From a descriptor set: typed backward writers (pb/*.h) and descriptor tables (pb/tables.[ch]).

    pbgen.py DESCRIPTOR_SET OUT_DIR

What is generated is described in api/README.md; the primitives below it are lib/xds/pbw.h and the
shape of the tables is lib/xds/pbscan.h. Equal input gives equal output.
"""
import os
import re
import sys

from google.protobuf import descriptor_pb2 as pb

F = pb.FieldDescriptorProto

# Which header a file's writers go to: the longest prefix decides.
HEADERS = {
    "google/": "wkt", "udpa/": "wkt", "xds/": "matcher", "opentelemetry/": "accesslog",
    "security/": "service", "networking/": "nds", "envoy/service/": "service", "envoy/data/": "service",
    "envoy/config/endpoint/v3/load_report": "service", "envoy/service/discovery/": "discovery",
    "xds/type/v3/typed_struct": "wkt",
    "envoy/type/": "type", "envoy/type/matcher/": "matcher", "envoy/type/metadata/": "type",
    "envoy/config/core/": "core", "envoy/config/accesslog/": "accesslog",
    "envoy/config/cluster/": "cluster", "envoy/config/common/": "matcher",
    "envoy/config/endpoint/": "endpoint", "envoy/config/listener/": "listener",
    "envoy/config/ratelimit/": "core", "envoy/config/rbac/": "rbac",
    "envoy/config/route/": "route", "envoy/config/trace/": "trace",
    "envoy/extensions/": "extension", "envoy/extensions/access_loggers/": "accesslog",
    "envoy/extensions/clusters/": "cluster", "envoy/extensions/upstreams/": "cluster",
    "envoy/extensions/filters/common/": "extension",
    "envoy/extensions/filters/http/": "http_filter",
    "envoy/extensions/filters/network/": "network_filter",
    "envoy/extensions/filters/network/http_connection_manager/": "hcm",
    "envoy/extensions/filters/listener/": "listener_filter",
    "envoy/extensions/load_balancing_policies/": "lb_policy",
    "envoy/extensions/transport_sockets/": "tls",
    "envoy/extensions/tracers/": "trace",
}

# C names. A message or enum is called by its own name in snake_case; two of the same name must be
# told apart here (a name that is not listed must be unique, so that adding a message never
# renames another one).
E, X = "envoy.config.", "envoy.extensions."
NAMES = {
    E + "route.v3.RateLimit.Action": "rate_limit_action",
    E + "rbac.v3.Action": "rbac_matcher_action",
    E + "endpoint.v3.Endpoint.AdditionalAddress": "endpoint_additional_address",
    E + "listener.v3.AdditionalAddress": "listener_additional_address",
    E + "core.v3.CidrRange": "cidr_range",
    "xds.core.v3.CidrRange": "xds_cidr_range",
    E + "cluster.v3.Cluster": "cluster",
    "envoy.type.metadata.v3.MetadataKind.Cluster": "metadata_kind_cluster",
    "envoy.type.metadata.v3.MetadataKind.Route": "metadata_kind_route",
    "envoy.type.metadata.v3.MetadataKind.Request": "metadata_kind_request",
    "envoy.type.metadata.v3.MetadataKind.Host": "metadata_kind_host",
    X + "clusters.aggregate.v3.ClusterConfig": "aggregate_cluster",
    X + "clusters.dynamic_forward_proxy.v3.ClusterConfig": "dynamic_forward_proxy_cluster",
    E + "route.v3.WeightedCluster": "weighted_cluster",
    E + "route.v3.WeightedCluster.ClusterWeight": "cluster_weight",
    X + "filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster": "tcp_weighted_cluster",
    X + "filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight": "tcp_cluster_weight",
    X + "filters.network.tcp_proxy.v3.TcpProxy.OnDemand": "tcp_on_demand",
    X + "access_loggers.stats.v3.Config": "stats_access_log",
    X + "access_loggers.stats.v3.Config.Gauge.Set": "stats_gauge_set",
    X + "filters.http.set_metadata.v3.Config": "set_metadata",
    X + "filters.http.set_filter_state.v3.Config": "http_set_filter_state",
    X + "filters.network.set_filter_state.v3.Config": "network_set_filter_state",
    X + "filters.listener.set_filter_state.v3.Config": "listener_set_filter_state",
    X + "filters.network.direct_response.v3.Config": "network_direct_response",
    X + "rbac.principals.mtls_authenticated.v3.Config": "mtls_authenticated",
    "envoy.data.accesslog.v3.ConnectionProperties": "log_connection_properties",
    E + "route.v3.RouteAction.HashPolicy": "hash_policy",
    E + "route.v3.RouteAction.HashPolicy.ConnectionProperties": "hash_connection_properties",
    E + "route.v3.RouteAction.HashPolicy.Cookie": "hash_cookie",
    E + "route.v3.RouteAction.HashPolicy.CookieAttribute": "hash_cookie_attribute",
    E + "route.v3.RouteAction.HashPolicy.Header": "hash_header",
    E + "route.v3.RouteAction.HashPolicy.FilterState": "hash_filter_state",
    E + "route.v3.RouteAction.HashPolicy.QueryParameter": "hash_query_parameter",
    "envoy.type.v3.HashPolicy": "tcp_hash_policy",
    "envoy.type.v3.HashPolicy.FilterState": "tcp_hash_filter_state",
    "envoy.type.v3.HashPolicy.SourceIp": "tcp_hash_source_ip",
    "envoy.type.http.v3.Cookie": "cookie",
    "envoy.type.http.v3.CookieAttribute": "cookie_attribute",
    E + "cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig": "consistent_hashing",
    X + "load_balancing_policies.common.v3.ConsistentHashingLbConfig": "lb_consistent_hashing",
    E + "cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig": "locality_weighted",
    X + "load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig":
        "lb_locality_weighted",
    E + "cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig": "zone_aware",
    X + "load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig": "lb_zone_aware",
    E + "cluster.v3.Cluster.SlowStartConfig": "slow_start",
    X + "load_balancing_policies.common.v3.SlowStartConfig": "lb_slow_start",
    E + "cluster.v3.LoadBalancingPolicy.Policy": "lb_policy",
    E + "cluster.v3.Cluster.LbPolicy": "lb",
    E + "cluster.v3.Cluster.DiscoveryType": "discovery_type",
    E + "cluster.v3.Cluster.DnsLookupFamily": "dns_lookup_family",
    X + "clusters.common.dns.v3.DnsLookupFamily": "dns_family",
    E + "cluster.v3.Cluster.RefreshRate": "refresh_rate",
    X + "clusters.dns.v3.DnsCluster.RefreshRate": "dns_cluster_refresh_rate",
    E + "cluster.v3.Cluster.RingHashLbConfig.HashFunction": "hash_function",
    X + "load_balancing_policies.ring_hash.v3.RingHash.HashFunction": "lb_hash_function",
    E + "route.v3.CorsPolicy": "route_cors_policy",
    X + "filters.http.cors.v3.CorsPolicy": "cors_policy",
    X + "filters.http.ext_authz.v3.ExtAuthz": "ext_authz",
    X + "filters.network.ext_authz.v3.ExtAuthz": "network_ext_authz",
    X + "filters.http.ext_authz.v3.HttpService": "ext_authz_http_service",
    E + "core.v3.HttpService": "http_service",
    E + "cluster.v3.Filter": "cluster_filter",
    E + "listener.v3.Filter": "filter",
    E + "route.v3.FilterConfig": "route_filter_config",
    X + "filters.http.grpc_stats.v3.FilterConfig": "grpc_stats",
    X + "filters.http.dynamic_forward_proxy.v3.FilterConfig": "dynamic_forward_proxy",
    X + "filters.network.sni_dynamic_forward_proxy.v3.FilterConfig": "sni_dynamic_forward_proxy",
    "envoy.type.matcher.v3.RegexMatcher": "regex_matcher",
    "envoy.type.matcher.v3.RegexMatcher.GoogleRE2": "google_re2",
    "xds.type.matcher.v3.RegexMatcher": "xds_regex_matcher",
    "xds.type.matcher.v3.RegexMatcher.GoogleRE2": "xds_google_re2",
    "envoy.type.matcher.v3.StringMatcher": "string_matcher",
    "envoy.type.matcher.v3.ListStringMatcher": "list_string_matcher",
    "xds.type.matcher.v3.StringMatcher": "xds_string_matcher",
    "xds.type.matcher.v3.ListStringMatcher": "xds_list_string_matcher",
    "envoy.type.tracing.v3.CustomTag.Header": "custom_tag_header",
    "envoy.type.tracing.v3.CustomTag.Metadata": "custom_tag_metadata",
    "envoy.type.tracing.v3.CustomTag.Literal": "custom_tag_literal",
    "envoy.type.tracing.v3.CustomTag.Environment": "custom_tag_environment",
    E + "core.v3.Metadata": "metadata",
    X + "formatter.metadata.v3.Metadata": "metadata_formatter",
    X + "filters.http.set_metadata.v3.Metadata": "set_metadata_entry",
    E + "common.mutation_rules.v3.HeaderMutation": "header_mutation",
    X + "filters.http.header_mutation.v3.HeaderMutation": "http_header_mutation",
    E + "core.v3.HealthCheck": "health_check",
    X + "filters.http.health_check.v3.HealthCheck": "health_check_filter",
    E + "core.v3.HttpProtocolOptions": "common_http_options",
    X + "upstreams.http.v3.HttpProtocolOptions": "http_protocol_options",
    X + "upstreams.http.v3.HttpProtocolOptions.OutlierDetection": "http_outlier_detection",
    E + "cluster.v3.OutlierDetection": "outlier_detection",
    E + "common.matcher.v3.MatchPredicate.MatchSet": "match_predicate_set",
    X + "upstreams.http.v3.HttpProtocolOptions.OutlierDetection": "http_outlier_detection",
    E + "cluster.v3.OutlierDetection": "outlier_detection",
    E + "core.v3.TcpProtocolOptions": "common_tcp_options",
    X + "upstreams.tcp.v3.TcpProtocolOptions": "tcp_protocol_options",
    E + "core.v3.KeyValuePair": "key_value_pair",
    X + "filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair": "proxy_protocol_key",
    E + "core.v3.QueryParameter": "query_parameter",
    E + "core.v3.QuicProtocolOptions": "quic_options",
    E + "listener.v3.QuicProtocolOptions": "listener_quic_options",
    E + "core.v3.RetryPolicy": "core_retry_policy",
    E + "core.v3.RetryPolicy.RetryPriority": "core_retry_priority",
    E + "core.v3.RetryPolicy.RetryHostPredicate": "core_retry_host_predicate",
    E + "route.v3.RetryPolicy": "retry_policy",
    E + "route.v3.RetryPolicy.RetryPriority": "retry_priority",
    E + "route.v3.RetryPolicy.RetryHostPredicate": "retry_host_predicate",
    E + "route.v3.Route": "route",
    E + "route.v3.RateLimit": "rate_limit",
    E + "route.v3.RateLimit.Override.RateLimitOverride": "rate_limit_override",
    X + "common.ratelimit.v3.RateLimitDescriptor.RateLimitOverride": "rate_limit_descriptor_override",
    X + "filters.http.ratelimit.v3.RateLimit": "http_rate_limit",
    X + "filters.http.local_ratelimit.v3.LocalRateLimit": "local_rate_limit",
    X + "filters.network.local_ratelimit.v3.LocalRateLimit": "network_local_rate_limit",
    X + "filters.http.on_demand.v3.OnDemand": "on_demand",
    X + "matching.common_inputs.network.v3.DynamicMetadataInput.PathSegment": "metadata_input_path",
    "envoy.type.metadata.v3.MetadataKey.PathSegment": "metadata_key_path",
    "envoy.type.matcher.v3.MetadataMatcher.PathSegment": "metadata_matcher_path",
    "envoy.type.matcher.v3.StructMatcher.PathSegment": "struct_matcher_path",
    X + "filters.http.jwt_authn.v3.JwtClaimToHeader.PathSegment": "jwt_claim_path",
    X + "filters.http.jwt_authn.v3.PerRouteConfig": "jwt_authn_per_route",
    X + "filters.http.on_demand.v3.PerRouteConfig": "on_demand_per_route",
    X + "filters.http.dynamic_forward_proxy.v3.PerRouteConfig": "dynamic_forward_proxy_per_route",
    E + "endpoint.v3.ClusterLoadAssignment": "assignment",
    E + "endpoint.v3.ClusterLoadAssignment.Policy": "assignment_policy",
    E + "rbac.v3.Policy": "rbac_policy",
    E + "rbac.v3.RBAC": "rbac_rules",
    E + "rbac.v3.RBAC.Action": "rbac_action",
    E + "rbac.v3.Permission.Set": "permission_set",
    E + "rbac.v3.Principal.Set": "principal_set",
    X + "filters.http.rbac.v3.RBAC": "rbac",
    X + "filters.network.rbac.v3.RBAC": "network_rbac",
    E + "route.v3.Tracing": "route_tracing",
    E + "trace.v3.Tracing": "tracing",
    X + "filters.network.http_connection_manager.v3.HttpConnectionManager": "hcm",
    X + "filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing": "hcm_tracing",
    X + "filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig":
        "upgrade_config",
    E + "route.v3.RouteAction.UpgradeConfig": "route_upgrade_config",
    E + "core.v3.TypedExtensionConfig": "typed_extension",
    "xds.core.v3.TypedExtensionConfig": "xds_typed_extension",
    "xds.type.v3.TypedStruct": "typed_struct",
    "udpa.type.v1.TypedStruct": "udpa_typed_struct",
    "google.rpc.Status": "status",
    E + "accesslog.v3.GrpcStatusFilter.Status": "grpc_status",
    "google.protobuf.Value": "value",
    E + "core.v3.GrpcService.GoogleGrpc.ChannelArgs.Value": "channel_arg_value",
    X + "filters.http.wasm.v3.Wasm": "wasm",
    X + "filters.network.wasm.v3.Wasm": "network_wasm",
    X + "common.ratelimit.v3.VhRateLimitsOptions": "vh_rate_limits",
    X + "filters.http.ratelimit.v3.RateLimitPerRoute.VhRateLimitsOptions": "http_vh_rate_limits",
    X + "common.ratelimit.v3.XRateLimitHeadersRFCVersion": "rate_limit_headers",
    X + "filters.http.ratelimit.v3.RateLimit.XRateLimitHeadersRFCVersion": "http_rate_limit_headers",
}

FORMS = {
    "google.protobuf.Any": "PB_ANY", "google.protobuf.Duration": "PB_TIME_SPAN",
    "google.protobuf.Timestamp": "PB_TIME_POINT", "google.protobuf.Struct": "PB_STRUCT",
    "google.protobuf.Value": "PB_VALUE", "google.protobuf.ListValue": "PB_LIST",
}
WRAPPERS = {"google.protobuf." + n for n in (
    "DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value",
    "BoolValue", "StringValue", "BytesValue")}

C_TYPE = {F.TYPE_DOUBLE: "double", F.TYPE_FLOAT: "float", F.TYPE_INT64: "int64_t",
          F.TYPE_UINT64: "uint64_t", F.TYPE_INT32: "int32_t", F.TYPE_FIXED64: "uint64_t",
          F.TYPE_FIXED32: "uint32_t", F.TYPE_BOOL: "bool", F.TYPE_UINT32: "uint32_t",
          F.TYPE_SFIXED32: "int32_t", F.TYPE_SFIXED64: "int64_t", F.TYPE_SINT32: "int32_t",
          F.TYPE_SINT64: "int64_t"}
FIXED = {F.TYPE_DOUBLE: 8, F.TYPE_FIXED64: 8, F.TYPE_SFIXED64: 8,
         F.TYPE_FLOAT: 4, F.TYPE_FIXED32: 4, F.TYPE_SFIXED32: 4}
KINDS = {F.TYPE_DOUBLE: "DOUBLE", F.TYPE_FLOAT: "FLOAT", F.TYPE_INT64: "INT64",
         F.TYPE_UINT64: "UINT64", F.TYPE_INT32: "INT32", F.TYPE_FIXED64: "FIXED64",
         F.TYPE_FIXED32: "FIXED32", F.TYPE_BOOL: "BOOL", F.TYPE_STRING: "STRING",
         F.TYPE_MESSAGE: "MESSAGE", F.TYPE_BYTES: "BYTES", F.TYPE_UINT32: "UINT32",
         F.TYPE_ENUM: "ENUM", F.TYPE_SFIXED32: "SFIXED32", F.TYPE_SFIXED64: "SFIXED64",
         F.TYPE_SINT32: "SINT32", F.TYPE_SINT64: "SINT64"}
LICENCE = "/* SPDX-License-Identifier: Apache-2.0\n * Generated by api/pbgen.py from api/proto. */\n"


def snake(name):
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


class Type:
    """A message or an enum with its names."""

    def __init__(self, file, name, desc, entry=False):
        self.file, self.name, self.desc, self.entry = file, name, desc, entry
        self.is_enum = isinstance(desc, pb.EnumDescriptorProto)
        self.c = NAMES.get(name, snake(name.rsplit(".", 1)[1]))
        self.url = "W_URL_" + self.c.upper()


class Schema:
    def __init__(self, files):
        self.types = {}
        self.files = files
        for f in files:
            for m in f.message_type:
                self.add_message(f, f.package, m)
            for e in f.enum_type:
                self.add(Type(f, f"{f.package}.{e.name}", e))
        self.check_names()

    def add(self, t):
        self.types[t.name] = t

    def add_message(self, f, prefix, m):
        name = f"{prefix}.{m.name}"
        self.add(Type(f, name, m, m.options.map_entry))
        for n in m.nested_type:
            self.add_message(f, name, n)
        for e in m.enum_type:
            self.add(Type(f, f"{name}.{e.name}", e))

    def check_names(self):
        seen = {}
        for t in self.types.values():
            if t.entry:
                t.c = "entry_" + snake(t.name.replace(".", "_"))
                continue
            key = t.c
            if key in seen:
                sys.exit(f"pbgen: {t.name} and {seen[key]} are both called {t.c}: tell them apart in NAMES")
            seen[key] = t.name
        for name in NAMES:
            if name not in self.types:
                sys.exit(f"pbgen: NAMES has {name}, which is not described")

    def of(self, field):
        return self.types[field.type_name[1:]]

    def messages(self):
        return sorted((t for t in self.types.values() if not t.is_enum), key=lambda t: t.name)

    def enums(self):
        return sorted((t for t in self.types.values() if t.is_enum), key=lambda t: t.name)


class Writers:
    """The functions of one message."""

    def __init__(self, schema, t):
        self.schema, self.t = schema, t
        self.names, self.out = [], []

    def fn(self, suffix, ret, args, body, first=None):
        name = f"w_{self.t.c}_{suffix}"
        first = first or f"struct w_{self.t.c} m"
        self.names.append(name)
        params = ", ".join([first] + args)
        self.out.append(f"static inline {ret} {name}({params})\n{{\n"
                        + "".join(f"\t{line}\n" for line in body) + "}\n")

    @staticmethod
    def encode(x, at, tag, v="v"):
        """The call that writes one scalar value."""
        if x.type in FIXED:
            bits = {F.TYPE_DOUBLE: f"pbw_of_double({v})", F.TYPE_FLOAT: f"pbw_of_float({v})"}
            return f"pbw_fixed({at}, {tag}, {bits.get(x.type, f'(uint64_t){v}')}, {FIXED[x.type]});"
        if x.type in (F.TYPE_SINT32, F.TYPE_SINT64):
            return f"pbw_varint({at}, {tag}, pbw_zigzag({v}));"
        if x.type in (F.TYPE_INT32, F.TYPE_ENUM):
            return f"pbw_varint({at}, {tag}, (uint64_t)(int64_t){v});"
        if x.type == F.TYPE_STRING:
            return f"pbw_bytes({at}, {tag}, {v}, strlen({v}));"
        return f"pbw_varint({at}, {tag}, (uint64_t){v});"

    def c_type(self, x):
        if x.type == F.TYPE_ENUM:
            return f"enum w_{self.schema.of(x).c}"
        return "const char *" if x.type == F.TYPE_STRING else C_TYPE[x.type]

    @staticmethod
    def wire(x):
        if x.type in FIXED:
            return "PBW_FIXED64" if FIXED[x.type] == 8 else "PBW_FIXED32"
        return "PBW_LENGTH" if x.type in (F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_MESSAGE) else "PBW_VARINT"

    def arg(self, x, name="v"):
        c = self.c_type(x)
        return c + name if c.endswith("*") else f"{c} {name}"

    def is_default(self, x):
        if x.type == F.TYPE_STRING:
            return "!v || !*v"
        if x.type == F.TYPE_DOUBLE:
            return "!pbw_of_double(v)"
        return "!pbw_of_float(v)" if x.type == F.TYPE_FLOAT else "!v"

    def scalar(self, x, tag):
        """Singular or repeated, string and bytes included."""
        keep = x.label == F.LABEL_REPEATED or x.HasField("oneof_index")
        if x.type == F.TYPE_BYTES:
            skip = [] if keep else ["if (!n)", "\treturn;"]
            self.fn(x.name, "void", ["const void *v", "size_t n"],
                    skip + [f"pbw_bytes(m.at, {tag}, v, n);"])
            return
        skip = [] if keep else [f"if ({self.is_default(x)})", "\treturn;"]
        self.fn(x.name, "void", [self.arg(x)], skip + [self.encode(x, "m.at", tag)])
        if x.type == F.TYPE_STRING:
            skip = [] if keep else ["if (!n)", "\treturn;"]
            self.fn(x.name + "_n", "void", ["const char *v", "size_t n"],
                    skip + [f"pbw_bytes(m.at, {tag}, v, n);"])

    def packed(self, x):
        """All values of a repeated scalar at once, first to last."""
        c = self.c_type(x)
        inner = {F.TYPE_SINT32: "pbw_zigzag(v[n])", F.TYPE_SINT64: "pbw_zigzag(v[n])",
                 F.TYPE_INT32: "(uint64_t)(int64_t)v[n]", F.TYPE_ENUM: "(uint64_t)(int64_t)v[n]",
                 F.TYPE_DOUBLE: "pbw_of_double(v[n])", F.TYPE_FLOAT: "pbw_of_float(v[n])"}
        value = inner.get(x.type, "(uint64_t)v[n]")
        put = (f"p = pbw_put_fixed(p, {value}, {FIXED[x.type]});" if x.type in FIXED
               else f"p = pbw_put_varint(p, {value});")
        self.fn(x.name, "void", [f"const {c} *v", "size_t n"],
                ["uint8_t *p, *end;", "", "if (!n)", "\treturn;",
                 f"pbw_order(m.at, PBW_TAG({x.number}, PBW_LENGTH));",
                 "p = end = pbw_room(m.at.w, (n + 2) * 10);",
                 "while (n-- > 0)", f"\t{put}",
                 "m.at.w->p = pbw_put_varint(pbw_put_varint(p, (uint64_t)(end - p)), "
                 f"PBW_TAG({x.number}, PBW_LENGTH));"])

    def wrapper(self, x, sub, tag):
        v = sub.desc.field[0]
        inner = f"PBW_TAG(1, {self.wire(v)})"
        body = ["struct pbw_at x = pbw_open(m.at);", ""]
        if v.type == F.TYPE_BYTES:
            body += ["if (n)", f"\tpbw_bytes(x, {inner}, v, n);"]
            args = ["const void *v", "size_t n"]
        else:
            args = [self.arg(v)]
            body += [f"if (!({self.is_default(v)}))", "\t" + self.encode(v, "x", inner)]
        self.fn(x.name, "void", args, body + [f"pbw_close(m.at, {tag}, x);"])

    def message(self, x, sub, tag):
        if sub.name in WRAPPERS:
            self.wrapper(x, sub, tag)
            return
        if sub.name in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
            call = "pbw_duration" if sub.name.endswith("Duration") else "pbw_timestamp"
            self.fn(x.name + "_ns", "void", ["int64_t ns"], [f"{call}(m.at, {tag}, ns);"])
            return
        child = f"struct w_{sub.c}"
        self.fn(x.name + "_begin", child, [], [f"return ({child}){{pbw_open(m.at)}};"])
        self.fn(x.name + "_end", "void", [f"{child} x"], [f"pbw_close(m.at, {tag}, x.at);"])
        self.fn(x.name + "_raw", "void", ["struct pb_bytes b"], [f"pbw_bytes(m.at, {tag}, b.p, b.n);"])
        if sub.name == "google.protobuf.Any":
            self.fn(x.name + "_empty", "void", ["const char *url"],
                    ["struct pbw_at any = pbw_open(m.at);", "",
                     "pbw_bytes(any, PBW_TAG(1, PBW_LENGTH), url, strlen(url));",
                     f"pbw_close(m.at, {tag}, any);"])
        else:
            self.fn(x.name + "_empty", "void", [], [f"pbw_bytes(m.at, {tag}, NULL, 0);"])

    def map(self, x, entry, tag):
        key, value = sorted(entry.desc.field, key=lambda f: f.number)
        put_key = [self.encode(key, "e", f"PBW_TAG(1, {self.wire(key)})", "key"),
                   f"pbw_close(m.at, {tag}, e);"]
        vtag = f"PBW_TAG(2, {self.wire(value)})"
        key_arg = self.arg(key, "key")
        if value.type != F.TYPE_MESSAGE:
            self.fn(x.name + "_put", "void", [key_arg, self.arg(value)],
                    ["struct pbw_at e = pbw_open(m.at);", "", self.encode(value, "e", vtag)] + put_key)
            return
        sub = self.schema.of(value)
        child = f"struct w_{sub.c}"
        self.fn(x.name + "_put_begin", child, [],
                [f"return ({child}){{pbw_open(pbw_open(m.at))}};"])
        self.fn(x.name + "_put_end", "void", [f"{child} x", key_arg],
                ["struct pbw_at e = {m.at.w, x.at.end, m.at.depth + 1};", "",
                 f"pbw_close(e, {vtag}, x.at);"] + put_key)
        self.fn(x.name + "_put_raw", "void", [key_arg, "struct pb_bytes b"],
                ["struct pbw_at e = pbw_open(m.at);", "",
                 f"pbw_bytes(e, {vtag}, b.p, b.n);"] + put_key)
        if sub.name == "google.protobuf.Any":
            self.fn(x.name + "_put_empty", "void", [key_arg, "const char *url"],
                    ["struct pbw_at e = pbw_open(m.at), any = pbw_open(e);", "",
                     "pbw_bytes(any, PBW_TAG(1, PBW_LENGTH), url, strlen(url));",
                     f"pbw_close(e, {vtag}, any);"] + put_key)

    def run(self):
        t = self.t
        self_t = f"struct w_{t.c}"
        self.fn("root", self_t, [], [f"return ({self_t}){{pbw_start(w)}};"], "struct pbw *w")
        self.fn("any_begin", self_t, [], [f"return ({self_t}){{pbw_open_any(any.at)}};"],
                "struct w_any any")
        self.fn("any_end", "struct w_any", [],
                [f"return (struct w_any){{pbw_close_any(m.at, {t.url}, sizeof({t.url}) - 1)}};"])
        for x in sorted(t.desc.field, key=lambda f: -f.number):
            tag = f"PBW_TAG({x.number}, {self.wire(x)})"
            repeated = x.label == F.LABEL_REPEATED
            if x.type == F.TYPE_MESSAGE:
                sub = self.schema.of(x)
                (self.map if sub.entry else self.message)(x, sub, tag)
            elif repeated and x.type not in (F.TYPE_STRING, F.TYPE_BYTES):
                if x.options.HasField("packed") and not x.options.packed:
                    self.scalar(x, tag)
                else:
                    self.packed(x)
            else:
                self.scalar(x, tag)
        return f"/* {t.name} */\n" + "".join(self.out) + "\n"


# Members of a Struct by key, without a Value in hand; of nested ones all ends coincide.
STRUCT_MEMBERS = """\
#define W_STRUCT_SCALAR(kind, arg) \\
static inline void w_struct_##kind(struct w_struct m, const char *key, arg v) \\
{ \\
	struct w_value x = w_struct_fields_put_begin(m); \\
 \\
	w_value_##kind##_value(x, v); \\
	w_struct_fields_put_end(m, x, key); \\
}
W_STRUCT_SCALAR(string, const char *)
W_STRUCT_SCALAR(number, double)
W_STRUCT_SCALAR(bool, bool)
#undef W_STRUCT_SCALAR

#define W_STRUCT_NESTED(kind, type) \\
static inline struct type w_struct_##kind##_begin(struct w_struct m) \\
{ \\
	return w_value_##kind##_value_begin(w_struct_fields_put_begin(m)); \\
} \\
static inline void w_struct_##kind##_end(struct w_struct m, struct type x, const char *key) \\
{ \\
	struct w_value v = {{x.at.w, x.at.end, x.at.depth - 1}}; \\
 \\
	w_value_##kind##_value_end(v, x); \\
	w_struct_fields_put_end(m, v, key); \\
}
W_STRUCT_NESTED(struct, w_struct)
W_STRUCT_NESTED(list, w_list_value)
#undef W_STRUCT_NESTED
"""


def header_of(file_name):
    best = max((p for p in HEADERS if file_name.startswith(p)), key=len, default=None)
    if best is None:
        sys.exit(f"pbgen: no header for {file_name} in HEADERS")
    return HEADERS[best]


def guard(name, body):
    g = f"PB_{name.upper()}_H"
    return f"{LICENCE}#ifndef {g}\n#define {g}\n\n{body}\n#endif\n"


def types_h(schema):
    out = ['#include "xds/pbw.h"\n\n']
    for t in schema.enums():
        out.append(f"enum w_{t.c} {{\t/* {t.name} */\n")
        for v in t.desc.value:
            out.append(f"\tW_{t.c.upper()}_{v.name.upper()} = {v.number},\n")
        out.append("};\n\n")
    for t in schema.messages():
        if not t.entry:
            out.append(f"struct w_{t.c} {{ struct pbw_at at; }};\n")
    out.append("\n")
    for t in schema.messages():
        if not t.entry:
            out.append(f'#define {t.url} "type.googleapis.com/{t.name}"\n')
    return guard("types", "".join(out))


def writer_headers(schema):
    groups, names = {}, {}
    for t in schema.messages():
        if t.entry:
            continue
        w = Writers(schema, t)
        groups.setdefault(header_of(t.file.name), []).append(w.run())
        for n in w.names:
            if n in names:
                sys.exit(f"pbgen: {n} of {t.name} and of {names[n]}: rename one in NAMES")
            names[n] = t.name
    groups["wkt"].append(STRUCT_MEMBERS)
    return {f"{g}.h": guard(g, '#include "pb/types.h"\n\n' + "".join(parts))
            for g, parts in groups.items()}


def tables(schema):
    messages = schema.messages()
    h = ['#include "xds/pbscan.h"\n\n']
    h += [f"extern const struct pb_msg pb_{t.c};\n" for t in messages if not t.entry]
    h.append("\n/* All of them, sorted by name. */\nextern const struct pb_msg *const pb_types[];\n"
             "extern const size_t pb_types_n;\n")
    c = [LICENCE, '#include "pb/tables.h"\n\n#include "base/must.h"\n\n']
    for t in schema.enums():
        c.append(f"static const struct pb_enum_value ev_{t.c}[] = {{\n")
        c += [f'\t{{"{v.name}", {v.number}}},\n' for v in t.desc.value]
        c.append(f'}};\nstatic const struct pb_enum e_{t.c} = {{"{t.name}", ev_{t.c}, '
                 f"ARRAY_LEN(ev_{t.c})}};\n")
    c += [f"static const struct pb_msg pb_{t.c};\n" for t in messages if t.entry]
    for t in messages:
        fields = sorted(t.desc.field, key=lambda f: f.number)
        if fields:
            c.append(f"static const struct pb_field f_{t.c}[] = {{\n")
        for x in fields:
            parts = [f'"{x.name}"']
            flags = []
            if x.type == F.TYPE_MESSAGE:
                parts.append(f".msg = &pb_{schema.of(x).c}")
                flags += ["PB_MAP"] if schema.of(x).entry else []
            elif x.type == F.TYPE_ENUM:
                parts.append(f".enm = &e_{schema.of(x).c}")
            parts += [f".number = {x.number}", f".kind = PB_{KINDS[x.type]}"]
            flags += ["PB_REPEATED"] if x.label == F.LABEL_REPEATED else []
            if x.HasField("oneof_index"):
                flags.append("PB_ONEOF")
                parts.append(f".oneof = {x.oneof_index + 1}")
            if x.options.HasField("packed") and not x.options.packed:
                flags.append("PB_UNPACKED")
            if flags:
                parts.append(".flags = " + " | ".join(flags))
            c.append("\t{" + ", ".join(parts) + "},\n")
        if fields:
            c.append("};\n")
        form = "PB_WRAPPER" if t.name in WRAPPERS else FORMS.get(t.name, "PB_PLAIN")
        static = "static " if t.entry else ""
        array = f"f_{t.c}" if fields else "NULL"
        c.append(f'{static}const struct pb_msg pb_{t.c} = {{"{t.name}", {array}, {len(fields)}, {form}}};\n')
    c.append("\nconst struct pb_msg *const pb_types[] = {\n")
    c += [f"\t&pb_{t.c},\n" for t in messages if not t.entry]
    c.append("};\nconst size_t pb_types_n = ARRAY_LEN(pb_types);\n")
    return {"tables.h": guard("tables", "".join(h)), "tables.c": "".join(c)}


def write_if_changed(path, text):
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as f:
        schema = Schema(pb.FileDescriptorSet.FromString(f.read()).file)
    out = {"types.h": types_h(schema), **writer_headers(schema), **tables(schema)}
    os.makedirs(sys.argv[2], exist_ok=True)
    for name, text in out.items():
        write_if_changed(os.path.join(sys.argv[2], name), text)


main()
