# SPDX-License-Identifier: Apache-2.0
"""Envoy bootstraps as the demo and the end-to-end tests use them, and a client for Envoy's admin socket.

bootstrap() returns a dict that Envoy reads as JSON. What is set and why:
- one static cluster, `xds-grpc` (Istio's name: REST resources refer to it), HTTP/2 with keepalive, so that a
  silent loss of the control plane is noticed;
- `initial_fetch_timeout` of 15 s: with 0 an Envoy without a control plane never gets live;
- the reconnect back-off is capped at 2 s, Envoy's own cap is 30 s;
- the regex size limit is lifted (Envoy's default of 100 refuses everyday expressions).
"""
import http.client
import json
import socket

T = 'type.googleapis.com/'
XDS_CLUSTER = 'xds-grpc'
MODES = ('delta', 'sotw', 'rest')


def node(role, ip, pod, namespace, labels, service_account='default', locality=None, metadata=None):
    """The node of a proxy, named and described as Istio's agent does it. `locality` is (region, zone)."""
    meta = {'NAMESPACE': namespace, 'LABELS': labels, 'INSTANCE_IPS': ip, 'CLUSTER_ID': 'Kubernetes',
            'SERVICE_ACCOUNT': service_account, 'WORKLOAD_NAME': pod, 'MESH_ID': 'cluster.local'}
    meta.update(metadata or {})
    out = {'id': '%s~%s~%s.%s~%s.svc.cluster.local' % (role, ip, pod, namespace, namespace),
           'cluster': '%s.%s' % (labels.get('app', pod), namespace), 'metadata': meta}
    if locality:
        out['locality'] = {'region': locality[0], 'zone': locality[1]}
    return out


def address(where):
    """A (host, port) pair or the path of a Unix socket as Envoy's Address."""
    if isinstance(where, str):
        return {'pipe': {'path': where}}
    return {'socket_address': {'address': where[0], 'port_value': where[1]}}


def transport_socket(tls):
    """`tls`: {'ca', 'cert', 'key'}: paths, and 'name': of the server. Without 'cert' no certificate is shown."""
    common = {'validation_context': {'trusted_ca': {'filename': tls['ca']}, 'match_typed_subject_alt_names': [
        {'san_type': 'DNS', 'matcher': {'exact': tls['name']}}]}}
    if 'cert' in tls:
        common['tls_certificates'] = [{'certificate_chain': {'filename': tls['cert']}, 'private_key': {'filename': tls['key']}}]
    return {'name': 'envoy.transport_sockets.tls', 'typed_config': {
        '@type': T + 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', 'sni': tls['name'], 'common_tls_context': common}}


def token_filters(path):
    """The filters that send what stands in the file as a bearer token, and what stands there later too."""
    secret = {'name': 'xds-token', 'sds_config': {'path_config_source': {'path': path}, 'resource_api_version': 'V3'}}
    return [{'name': 'envoy.filters.http.credential_injector', 'typed_config': {
        '@type': T + 'envoy.extensions.filters.http.credential_injector.v3.CredentialInjector', 'overwrite': True, 'credential': {
            'name': 'envoy.http.injected_credentials.generic', 'typed_config': {
                '@type': T + 'envoy.extensions.http.injected_credentials.generic.v3.Generic', 'credential': secret,
                'header': 'authorization', 'header_value_prefix': 'Bearer '}}}},
            {'name': 'envoy.filters.http.upstream_codec', 'typed_config': {
                '@type': T + 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec'}}]


def token_secret(path):
    """The file that token_filters reads; `path` holds the token itself."""
    return {'resources': [{'@type': T + 'envoy.extensions.transport_sockets.tls.v3.Secret', 'name': 'xds-token',
                           'generic_secret': {'secret': {'filename': path}}}]}


def xds_cluster(xds, tls=None):
    out = {
        'name': XDS_CLUSTER, 'type': 'STATIC', 'connect_timeout': '1s',
        'circuit_breakers': {'thresholds': [{'max_connections': 100000, 'max_pending_requests': 100000,
                                             'max_requests': 100000}]},
        'typed_extension_protocol_options': {'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': T + 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            'explicit_http_config': {'http2_protocol_options': {
                'connection_keepalive': {'interval': '10s', 'timeout': '5s'}}}}},
        'load_assignment': {'cluster_name': XDS_CLUSTER, 'endpoints': [
            {'lb_endpoints': [{'endpoint': {'address': address(xds)}}]}]}}
    if tls:
        out['transport_socket'] = transport_socket(tls)
    if tls and 'token' in tls:
        options = out['typed_extension_protocol_options']['envoy.extensions.upstreams.http.v3.HttpProtocolOptions']
        options['http_filters'] = token_filters(tls['token'])
    return out


def dynamic_resources(mode):
    if mode == 'rest':
        source = {'resource_api_version': 'V3', 'initial_fetch_timeout': '15s', 'api_config_source': {
            'api_type': 'REST', 'transport_api_version': 'V3', 'cluster_names': [XDS_CLUSTER],
            'refresh_delay': '0.1s', 'request_timeout': '30s'}}
        return {'cds_config': source, 'lds_config': source}
    source = {'ads': {}, 'resource_api_version': 'V3', 'initial_fetch_timeout': '15s'}
    return {'cds_config': source, 'lds_config': source, 'ads_config': {
        'api_type': {'delta': 'DELTA_GRPC', 'sotw': 'GRPC'}[mode], 'transport_api_version': 'V3',
        'set_node_on_first_message_only': True,
        'grpc_services': [{'envoy_grpc': {'cluster_name': XDS_CLUSTER, 'retry_policy': {
            'retry_back_off': {'base_interval': '0.2s', 'max_interval': '2s'}}}}]}}


def bootstrap(node, xds, admin, mode='delta', mark=None, tls=None):
    """`xds` and `admin` are (host, port) or the path of a Unix socket. `mark`: the SO_MARK of every upstream
    connection, where traffic capture cannot tell Envoy by its uid. `tls`: see transport_socket()."""
    out = {
        'node': node,
        'admin': {'address': address(admin)},
        'layered_runtime': {'layers': [
            {'name': 'static', 'static_layer': {'re2.max_program_size.error_level': 32768}},
            {'name': 'admin', 'admin_layer': {}}]},
        'dynamic_resources': dynamic_resources(mode),
        'static_resources': {'clusters': [xds_cluster(xds, tls)]}}
    if mark is not None:
        # level SOL_SOCKET, name SO_MARK
        out['cluster_manager'] = {'upstream_bind_config': {
            'socket_options': [{'level': 1, 'name': 36, 'int_value': mark, 'state': 'STATE_PREBIND'}]}}
    return out


class Admin:
    """Envoy's admin interface, by (host, port) or the path of its Unix socket."""

    def __init__(self, where):
        self.where = where

    def open_socket(self):
        return socket.socket(socket.AF_UNIX if isinstance(self.where, str) else socket.AF_INET)

    def get(self, path, method='GET'):
        """(status, body); raises OSError while Envoy does not listen."""
        conn = http.client.HTTPConnection('envoy', timeout=10)
        conn.sock = self.open_socket()
        try:
            conn.sock.settimeout(10)
            conn.sock.connect(self.where)
            conn.request(method, path)
            answer = conn.getresponse()
            return answer.status, answer.read().decode()
        except http.client.HTTPException as e:
            raise OSError('admin of Envoy: %r' % e)
        finally:
            conn.close()

    def ready(self):
        try:
            return self.get('/ready')[0] == 200
        except OSError:
            return False

    def stats(self, prefix=''):
        """{name: number} of the counters and gauges whose names hold `prefix`."""
        body = json.loads(self.get('/stats?format=json&filter=' + prefix)[1])
        return {s['name']: s['value'] for s in body['stats'] if 'value' in s}

    def config_dump(self, resource=None):
        return json.loads(self.get('/config_dump' + ('?resource=' + resource if resource else ''))[1])
