/* SPDX-License-Identifier: Apache-2.0
 *
 * Kubernetes' own kinds, the fields that mean something to a mesh; other fields are passed over.
 * Rows: X(T, type, member, "jsonName", argument, flags, "documentation"). Thread: pure.
 */
#ifndef MODEL_KUBE_H
#define MODEL_KUBE_H

#include "node/schema.h"

#define ROWS_k_service_port(X, T)                                                                  \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, U32, port, "port", _, 0, "Port of the service.")                                      \
	X(T, STR, protocol, "protocol", _, 0, "TCP (default), UDP or SCTP.")                       \
	X(T, STR, app_protocol, "appProtocol", _, 0, "Application protocol.")                      \
	X(T, INTSTR, target_port, "targetPort", _, 0, "Number, or name of a container port.")      \
	X(T, U32, node_port, "nodePort", _, 0, "Port on every node.")
SCHEMA_STRUCT(k_service_port)

#define ROWS_k_service_spec(X, T)                                                                  \
	X(T, STR, cluster_ip, "clusterIP", _, 0, "Virtual address; None = headless.")              \
	X(T, STRS, cluster_ips, "clusterIPs", _, 0, "All of them.")                                \
	X(T, STR, type, "type", _, 0, "ClusterIP, NodePort, LoadBalancer or ExternalName.")        \
	X(T, STR, external_name, "externalName", _, 0, "Host behind an ExternalName.")             \
	X(T, MSGS, ports, "ports", k_service_port, 0, "Ports.")                                    \
	X(T, STRMAP, selector, "selector", _, 0, "Labels of its pods.")                            \
	X(T, STRS, external_ips, "externalIPs", _, 0, "Further addresses.")                        \
	X(T, BOOL, publish_not_ready, "publishNotReadyAddresses", _, 0, "Unready pods too.")       \
	X(T, STR, internal_traffic_policy, "internalTrafficPolicy", _, 0, "Cluster or Local.")     \
	X(T, STR, traffic_distribution, "trafficDistribution", _, 0, "PreferClose and the like.")
SCHEMA_STRUCT(k_service_spec)

#define ROWS_k_ingress_address(X, T)                                                               \
	X(T, STR, ip, "ip", _, 0, "Address.") X(T, STR, hostname, "hostname", _, 0, "Host name.")
SCHEMA_STRUCT(k_ingress_address)
#define ROWS_k_load_balancer(X, T)                                                                 \
	X(T, MSGS, ingress, "ingress", k_ingress_address, 0, "Where it is reached from outside.")
SCHEMA_STRUCT(k_load_balancer)
#define ROWS_k_service_status(X, T)                                                                \
	X(T, MSG, load_balancer, "loadBalancer", k_load_balancer, 0, "Of type LoadBalancer.")
SCHEMA_STRUCT(k_service_status)
#define ROWS_k_service(X, T)                                                                       \
	X(T, MSG, spec, "spec", k_service_spec, 0, "Service.")                                     \
	X(T, MSG, status, "status", k_service_status, 0, "State.")
SCHEMA_STRUCT(k_service)

#define ROWS_k_conditions(X, T)                                                                    \
	X(T, OBOOL, ready, "ready", _, 0, "Absent = ready.")                                       \
	X(T, OBOOL, serving, "serving", _, 0, "Absent = as ready.")                                \
	X(T, OBOOL, terminating, "terminating", _, 0, "Absent = false.")
SCHEMA_STRUCT(k_conditions)

#define ROWS_k_object_ref(X, T)                                                                    \
	X(T, STR, kind, "kind", _, 0, "Kind.") X(T, STR, name, "name", _, 0, "Name.")              \
	X(T, STR, ns, "namespace", _, 0, "Namespace.")
SCHEMA_STRUCT(k_object_ref)

#define ROWS_k_endpoint(X, T)                                                                      \
	X(T, STRS, addresses, "addresses", _, 0, "Addresses.")                                     \
	X(T, MSG, conditions, "conditions", k_conditions, 0, "State.")                             \
	X(T, STR, hostname, "hostname", _, 0, "Host name.")                                        \
	X(T, MSG, target_ref, "targetRef", k_object_ref, 0, "Pod.")                                \
	X(T, STR, node_name, "nodeName", _, 0, "Node.")                                            \
	X(T, STR, zone, "zone", _, 0, "Zone.")
SCHEMA_STRUCT(k_endpoint)

#define ROWS_k_endpoint_port(X, T)                                                                 \
	X(T, STR, name, "name", _, 0, "Name of the service's port.")                               \
	X(T, U32, port, "port", _, 0, "Number.")                                                   \
	X(T, STR, protocol, "protocol", _, 0, "TCP (default), UDP or SCTP.")                       \
	X(T, STR, app_protocol, "appProtocol", _, 0, "Application protocol.")
SCHEMA_STRUCT(k_endpoint_port)

#define ROWS_k_endpoint_slice(X, T)                                                                \
	X(T, STR, address_type, "addressType", _, 0, "IPv4, IPv6 or FQDN.")                        \
	X(T, MSGS, endpoints, "endpoints", k_endpoint, 0, "Endpoints.")                            \
	X(T, MSGS, ports, "ports", k_endpoint_port, 0, "Ports.")
SCHEMA_STRUCT(k_endpoint_slice)

#define ROWS_k_container_port(X, T)                                                                \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, U32, container_port, "containerPort", _, 0, "Number.")                                \
	X(T, STR, protocol, "protocol", _, 0, "TCP (default), UDP or SCTP.")
SCHEMA_STRUCT(k_container_port)

#define ROWS_k_security(X, T) X(T, I64, run_as_user, "runAsUser", _, 0, "User id.")
SCHEMA_STRUCT(k_security)

#define ROWS_k_container(X, T)                                                                     \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, STR, image, "image", _, 0, "Image.")                                                  \
	X(T, MSG, security, "securityContext", k_security, 0, "Who it runs as.")                   \
	X(T, MSGS, ports, "ports", k_container_port, 0, "Ports.")
SCHEMA_STRUCT(k_container)

#define ROWS_k_pod_spec(X, T)                                                                      \
	X(T, MSGS, containers, "containers", k_container, 0, "Containers.")                        \
	X(T, MSGS, init_containers, "initContainers", k_container, 0, "Containers that run first.") \
	X(T, MSG, security, "securityContext", k_security, 0, "Who all of them run as.")           \
	X(T, STR, service_account, "serviceAccountName", _, 0, "Service account.")                 \
	X(T, STR, node_name, "nodeName", _, 0, "Node.")                                            \
	X(T, STR, hostname, "hostname", _, 0, "Host name.")                                        \
	X(T, STR, subdomain, "subdomain", _, 0, "Subdomain.")                                      \
	X(T, BOOL, host_network, "hostNetwork", _, 0, "Uses the node's address.")
SCHEMA_STRUCT(k_pod_spec)

#define ROWS_k_pod_ip(X, T) X(T, STR, ip, "ip", _, 0, "Address.")
SCHEMA_STRUCT(k_pod_ip)

#define ROWS_k_condition(X, T)                                                                     \
	X(T, STR, type, "type", _, 0, "Ready, Healthy, ...") X(T, STR, status, "status", _, 0, "True, False or Unknown.")
SCHEMA_STRUCT(k_condition)

/* What others say of an object in its status: for analysis only. */
#define ROWS_said_condition(X, T)                                                                  \
	X(T, STR, type, "type", _, 0, "What is said.")                                             \
	X(T, STR, status, "status", _, 0, "True, False or Unknown.")                               \
	X(T, STR, reason, "reason", _, 0, "Why, in a word.")                                       \
	X(T, STR, message, "message", _, 0, "Why.")
SCHEMA_STRUCT(said_condition)
#define ROWS_said_parent(X, T) X(T, MSGS, conditions, "conditions", said_condition, 0, "Of one parent.")
SCHEMA_STRUCT(said_parent)
#define ROWS_said_status(X, T)                                                                     \
	X(T, MSGS, conditions, "conditions", said_condition, 0, "Of the object.")                  \
	X(T, MSGS, parents, "parents", said_parent, 0, "Of a route at each parent.")
SCHEMA_STRUCT(said_status)

#define ROWS_k_pod_status(X, T)                                                                    \
	X(T, STR, pod_ip, "podIP", _, 0, "Address.")                                               \
	X(T, MSGS, pod_ips, "podIPs", k_pod_ip, 0, "All addresses.")                               \
	X(T, STR, phase, "phase", _, 0, "Phase.")                                                  \
	X(T, MSGS, conditions, "conditions", k_condition, 0, "Ready, ...")
SCHEMA_STRUCT(k_pod_status)

#define ROWS_k_pod(X, T)                                                                           \
	X(T, MSG, spec, "spec", k_pod_spec, 0, "Pod.")                                             \
	X(T, MSG, status, "status", k_pod_status, 0, "State.")
SCHEMA_STRUCT(k_pod)

#define ROWS_k_template_meta(X, T)                                                                 \
	X(T, STRMAP, labels, "labels", _, 0, "Labels of the pods.")                                \
	X(T, STRMAP, annotations, "annotations", _, 0, "Annotations of the pods.")
SCHEMA_STRUCT(k_template_meta)
#define ROWS_k_pod_template(X, T)                                                                  \
	X(T, MSG, metadata, "metadata", k_template_meta, 0, "Metadata of the pods.")               \
	X(T, MSG, spec, "spec", k_pod_spec, 0, "The pods.")
SCHEMA_STRUCT(k_pod_template)
#define ROWS_k_deployment_spec(X, T) X(T, MSG, template, "template", k_pod_template, 0, "What it makes.")
SCHEMA_STRUCT(k_deployment_spec)
#define ROWS_k_deployment(X, T) X(T, MSG, spec, "spec", k_deployment_spec, 0, "Deployment.")
SCHEMA_STRUCT(k_deployment)

#define ROWS_k_nothing(X, T) X(T, NODE, unused, "\x01", _, 0, "")
SCHEMA_STRUCT(k_nothing)		/* Namespace: its labels are all that counts */

#define ROWS_k_node_address(X, T)                                                                  \
	X(T, STR, type, "type", _, 0, "ExternalIP, InternalIP, ...")                             \
	X(T, STR, address, "address", _, 0, "Address.")
SCHEMA_STRUCT(k_node_address)
#define ROWS_k_node_status(X, T) X(T, MSGS, addresses, "addresses", k_node_address, 0, "Addresses.")
SCHEMA_STRUCT(k_node_status)
#define ROWS_k_node(X, T) X(T, MSG, status, "status", k_node_status, 0, "State.")
SCHEMA_STRUCT(k_node)

#define ROWS_k_secret(X, T)                                                                        \
	X(T, STR, type, "type", _, 0, "kubernetes.io/tls, Opaque, ...")                            \
	X(T, BYTESMAP, data, "data", _, 0, "Base64 by key.")                                       \
	X(T, STRMAP, string_data, "stringData", _, 0, "Text by key.")
SCHEMA_STRUCT(k_secret)
/* What stands at key, be it text or bytes: with a NUL behind it, and "" when malformed; NULL if absent. */
const char *k_secret_text(const struct k_secret *s, const char *key);

#define ROWS_k_config_map(X, T) X(T, STRMAP, data, "data", _, 0, "Text by key.")
SCHEMA_STRUCT(k_config_map)

/* ---- Ingress ---- */

#define ROWS_k_backend_port(X, T)                                                                  \
	X(T, STR, name, "name", _, 0, "Name of the service's port.")                               \
	X(T, U32, number, "number", _, 0, "Number of the service's port.")
SCHEMA_STRUCT(k_backend_port)
#define ROWS_k_backend_service(X, T)                                                               \
	X(T, STR, name, "name", _, 0, "Service of the same namespace.")                            \
	X(T, MSG, port, "port", k_backend_port, 0, "Its port.")
SCHEMA_STRUCT(k_backend_service)
#define ROWS_k_backend(X, T)                                                                       \
	X(T, MSG, service, "service", k_backend_service, 0, "Service.")                            \
	X(T, MSG, resource, "resource", k_object_ref, 0, "Something else.")
SCHEMA_STRUCT(k_backend)
#define ROWS_k_ingress_path(X, T)                                                                  \
	X(T, STR, path, "path", _, 0, "Path.")                                                     \
	X(T, STR, type, "pathType", _, 0, "Exact, Prefix or ImplementationSpecific.")              \
	X(T, MSG, backend, "backend", k_backend, 0, "Where to.")
SCHEMA_STRUCT(k_ingress_path)
#define ROWS_k_ingress_http(X, T) X(T, MSGS, paths, "paths", k_ingress_path, 0, "Paths.")
SCHEMA_STRUCT(k_ingress_http)
#define ROWS_k_ingress_rule(X, T)                                                                  \
	X(T, STR, host, "host", _, 0, "Host, or *.domain; absent = all.")                          \
	X(T, MSG, http, "http", k_ingress_http, 0, "Its paths.")
SCHEMA_STRUCT(k_ingress_rule)
#define ROWS_k_ingress_tls(X, T)                                                                   \
	X(T, STRS, hosts, "hosts", _, 0, "Hosts; none = all.")                                     \
	X(T, STR, secret_name, "secretName", _, 0, "Secret with certificate and key.")
SCHEMA_STRUCT(k_ingress_tls)
#define ROWS_k_ingress(X, T)                                                                       \
	X(T, STR, class_name, "ingressClassName", _, 0, "IngressClass.")                           \
	X(T, MSG, default_backend, "defaultBackend", k_backend, 0, "Where what no rule has goes to.") \
	X(T, MSGS, tls, "tls", k_ingress_tls, 0, "Certificates.")                                  \
	X(T, MSGS, rules, "rules", k_ingress_rule, 0, "Rules.")
SCHEMA_STRUCT(k_ingress)
#define ROWS_k_ingress_class(X, T) X(T, STR, controller, "controller", _, 0, "Whose it is.")
SCHEMA_STRUCT(k_ingress_class)

#define ROWS_k_label_term(X, T)                                                                    \
	X(T, STR, key, "key", _, 0, "Label.")                                                      \
	X(T, STR, op, "operator", _, 0, "In, NotIn, Exists or DoesNotExist.")                      \
	X(T, STRS, values, "values", _, 0, "Values.")
SCHEMA_STRUCT(k_label_term)
#define ROWS_k_label_selector(X, T)                                                                \
	X(T, STRMAP, match_labels, "matchLabels", _, 0, "All must be equal.")                      \
	X(T, MSGS, terms, "matchExpressions", k_label_term, 0, "All must hold.")
SCHEMA_STRUCT(k_label_selector)
/* NULL and an empty one hold for all. */
bool label_selector_holds(const struct k_label_selector *s_or_null, const struct strmap *labels);
/* The labels of a namespace (written: of its object, or NULL), with the one that says its name; in a. */
struct strmap namespace_labels(const struct strmap *written_or_null, const char *name, struct arena *a);

/* Of a Mutating- or ValidatingWebhookConfiguration. */
#define ROWS_k_webhook_service(X, T)                                                               \
	X(T, STR, name, "name", _, 0, "Name.") X(T, STR, ns, "namespace", _, 0, "Namespace.")
SCHEMA_STRUCT(k_webhook_service)
#define ROWS_k_webhook_client(X, T)                                                                \
	X(T, STR, url, "url", _, 0, "Where it is called, outside of the cluster.")                 \
	X(T, MSG, service, "service", k_webhook_service, 0, "Where it is called, inside.")
SCHEMA_STRUCT(k_webhook_client)
#define ROWS_k_webhook(X, T)                                                                       \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, MSG, client, "clientConfig", k_webhook_client, 0, "Where it is called.")              \
	X(T, MSG, namespaces, "namespaceSelector", k_label_selector, 0, "For which namespaces.")   \
	X(T, MSG, objects, "objectSelector", k_label_selector, 0, "For which objects.")
SCHEMA_STRUCT(k_webhook)
#define ROWS_k_webhook_configuration(X, T) X(T, MSGS, webhooks, "webhooks", k_webhook, 0, "Webhooks.")
SCHEMA_STRUCT(k_webhook_configuration)

#endif
