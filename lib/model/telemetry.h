/* SPDX-License-Identifier: Apache-2.0
 *
 * telemetry.istio.io: Telemetry. Names and meanings are Istio's API (istio/api telemetry/v1alpha1).
 * Rows as in traffic.h. Thread: pure.
 */
#ifndef MODEL_TELEMETRY_H
#define MODEL_TELEMETRY_H

#include "model/security.h"

#define VALUES_telemetry_mode(X, P) X(P, CLIENT_AND_SERVER, 0) X(P, CLIENT, 1) X(P, SERVER, 2)
SCHEMA_ENUM(telemetry_mode, TELEMETRY)

#define ROWS_telemetry_provider(X, T) X(T, STR, name, "name", _, SCHEMA_REQUIRED, "An extension provider of MeshConfig.")
SCHEMA_STRUCT(telemetry_provider)

#define ROWS_tracing_match(X, T) X(T, ENUM, mode, "mode", telemetry_mode, 0, "Direction.")
SCHEMA_STRUCT(tracing_match)

#define ROWS_tag_literal(X, T) X(T, STR, value, "value", _, SCHEMA_REQUIRED, "The value.")
SCHEMA_STRUCT(tag_literal)
#define ROWS_tag_source(X, T)                                                                      \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Environment variable, or header.")            \
	X(T, STR, default_value, "defaultValue", _, 0, "If there is none.")
SCHEMA_STRUCT(tag_source)
#define ROWS_tag_formatter(X, T) X(T, STR, value, "value", _, SCHEMA_REQUIRED, "Format string of an access log.")
SCHEMA_STRUCT(tag_formatter)
#define ROWS_custom_tag(X, T)                                                                      \
	X(T, MSG, literal, "literal", tag_literal, 1, "Always this.")                              \
	X(T, MSG, environment, "environment", tag_source, 1, "From the proxy's environment.")      \
	X(T, MSG, header, "header", tag_source, 1, "From a request header.")                       \
	X(T, MSG, formatter, "formatter", tag_formatter, 1, "From a format string.")
SCHEMA_STRUCT(custom_tag)

#define ROWS_telemetry_tracing(X, T)                                                               \
	X(T, MSG, match, "match", tracing_match, 0, "Direction.")                                  \
	X(T, MSGS, providers, "providers", telemetry_provider, 0, "Where spans go.")               \
	X(T, ODBL, sampling, "randomSamplingPercentage", _, 0, "Percent of the requests.")         \
	X(T, OBOOL, disable_span_reporting, "disableSpanReporting", _, 0, "No spans.")             \
	X(T, OBOOL, disable_context_propagation, "disableContextPropagation", _, 0, "No trace headers.") \
	X(T, MSGMAP, custom_tags, "customTags", custom_tag, 0, "Tags of the spans.")               \
	X(T, OBOOL, use_request_id, "useRequestIdForTraceSampling", _, 0, "The request id decides.") \
	X(T, OBOOL, enable_istio_tags, "enableIstioTags", _, 0, "istio.* tags.")
SCHEMA_STRUCT(telemetry_tracing)

#define VALUES_istio_metric(X, P)                                                                  \
	X(P, ALL_METRICS, 0) X(P, REQUEST_COUNT, 1) X(P, REQUEST_DURATION, 2) X(P, REQUEST_SIZE, 3) \
	X(P, RESPONSE_SIZE, 4) X(P, TCP_OPENED_CONNECTIONS, 5) X(P, TCP_CLOSED_CONNECTIONS, 6)     \
	X(P, TCP_SENT_BYTES, 7) X(P, TCP_RECEIVED_BYTES, 8) X(P, GRPC_REQUEST_MESSAGES, 9)         \
	X(P, GRPC_RESPONSE_MESSAGES, 10)
SCHEMA_ENUM(istio_metric, METRIC)

#define ROWS_metric_selector(X, T)                                                                 \
	X(T, ENUM, metric, "metric", istio_metric, 1, "One of Istio's metrics.")                   \
	X(T, STR, custom_metric, "customMetric", _, 1, "Another metric.")                          \
	X(T, ENUM, mode, "mode", telemetry_mode, 0, "Direction.")
SCHEMA_STRUCT(metric_selector)

#define VALUES_tag_operation(X, P) X(P, UPSERT, 0) X(P, REMOVE, 1)
SCHEMA_ENUM(tag_operation, TAG)

#define ROWS_tag_override(X, T)                                                                    \
	X(T, ENUM, operation, "operation", tag_operation, 0, "Add or replace, or remove.")         \
	X(T, STR, value, "value", _, 0, "CEL expression.")
SCHEMA_STRUCT(tag_override)

#define ROWS_metric_override(X, T)                                                                 \
	X(T, MSG, match, "match", metric_selector, 0, "Which metric.")                             \
	X(T, OBOOL, disabled, "disabled", _, 0, "Not at all.")                                     \
	X(T, MSGMAP, tag_overrides, "tagOverrides", tag_override, 0, "By name of the tag.")
SCHEMA_STRUCT(metric_override)

#define ROWS_telemetry_metrics(X, T)                                                               \
	X(T, MSGS, providers, "providers", telemetry_provider, 0, "Where metrics go.")             \
	X(T, MSGS, overrides, "overrides", metric_override, 0, "Changes, in order.")               \
	X(T, DUR, reporting_interval, "reportingInterval", _, 0, "Of TCP metrics.")
SCHEMA_STRUCT(telemetry_metrics)

#define ROWS_log_filter(X, T) X(T, STR, expression, "expression", _, 0, "CEL expression: true is logged.")
SCHEMA_STRUCT(log_filter)

#define ROWS_telemetry_logging(X, T)                                                               \
	X(T, MSG, match, "match", tracing_match, 0, "Direction.")                                  \
	X(T, MSGS, providers, "providers", telemetry_provider, 0, "Where logs go.")                \
	X(T, OBOOL, disabled, "disabled", _, 0, "Not at all.")                                     \
	X(T, MSG, filter, "filter", log_filter, 0, "What is logged.")
SCHEMA_STRUCT(telemetry_logging)

#define ROWS_telemetry(X, T)                                                                       \
	X(T, MSG, selector, "selector", policy_selector, 0, "Workloads; all of the namespace if absent.") \
	X(T, MSG, target_ref, "targetRef", policy_target, 0, "One target.")                        \
	X(T, MSGS, target_refs, "targetRefs", policy_target, 0, "Targets.")                        \
	X(T, MSGS, tracing, "tracing", telemetry_tracing, 0, "Spans.")                             \
	X(T, MSGS, metrics, "metrics", telemetry_metrics, 0, "Metrics.")                           \
	X(T, MSGS, access_logging, "accessLogging", telemetry_logging, 0, "Access logs.")
SCHEMA_STRUCT(telemetry)

#endif
