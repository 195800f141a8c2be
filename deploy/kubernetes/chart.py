#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the Helm chart from the kustomize base, so that there is one source.

usage: chart.py write CHART          templates, values, their schema
       chart.py check CHART HELM     renders it: with default values it is the base; wrong values are refused

In the base three comments speak to this program:

    key: value  # {{ EXPRESSION }}    the value, in the chart, is the expression
    key: |  # {{ EXPRESSION }}        the same for a text of several lines
    #+ TEXT                           a line that only the chart has

The values are the table below. CRDs come to the chart by a link to api/crd.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
# but the Namespace, which is Helm's to make
BASE = ['base/%s.yaml' % f for f in ('rbac', 'mesh', 'deployment', 'service', 'availability', 'network', 'webhook')]
COMPONENTS = ['components/autoscaler/autoscaler.yaml', 'components/service-monitor/service-monitor.yaml']
VERSION = '0.1.0'

TEXT, FLAG, OBJECT = {'type': 'string'}, {'type': 'boolean'}, {'type': 'object'}
COUNT = {'type': 'integer', 'minimum': 1}
OBJECTS = {'type': 'array', 'items': {'type': 'object'}}
PORTS = {'type': 'array', 'minItems': 1, 'items': {
    'type': 'object', 'required': ['port'], 'additionalProperties': False,
    'properties': {'port': {'type': 'integer', 'minimum': 1, 'maximum': 65535}, 'protocol': {'enum': ['TCP']}}}}
NAME = {'type': 'string', 'pattern': r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'}

# (path, default, schema, what it is)
VALUES = [
    ('image', 'navarchd:dev', {'type': 'string', 'minLength': 1},
     'The image: `make image`, pushed to a registry of yours.'),
    ('imagePullSecrets', [], OBJECTS, 'As in a Pod: [{name: ...}].'),
    ('replicas', 2, COUNT, 'Each one serves; they need the same CA (Secret cacerts).'),
    ('resources', {'requests': {'cpu': '100m', 'memory': '128Mi'}, 'limits': {'memory': '512Mi'}}, OBJECT,
     'As in a container.'),
    ('nodeSelector', {}, OBJECT, 'As in a Pod.'),
    ('tolerations', [], OBJECTS, 'As in a Pod.'),
    ('podAnnotations', {}, OBJECT, 'Annotations of the Pods.'),
    ('clusterDomain', 'cluster.local', NAME, 'The DNS domain of the cluster.'),
    ('mesh', {'accessLogFile': '/dev/stdout', 'trustDomain': 'cluster.local'},
     {'type': 'object', 'required': ['trustDomain'], 'properties': {'trustDomain': NAME}},
     "MeshConfig, by Istio's names; its trustDomain is that of the certificates."),
    ('logLevel', 'info', {'enum': ['debug', 'info', 'warn', 'error']}, 'The least level that is logged.'),
    ('plaintext', False, FLAG, 'xDS on 15010, without TLS and without proof of who asks. For development.'),
    ('extraArgs', [], {'type': 'array', 'items': {'type': 'string', 'pattern': '^--'}},
     'Further options of navarchd.'),
    ('networkPolicy.enabled', True, FLAG, 'Lets in what each port is for, and out to the API server.'),
    ('networkPolicy.apiServerPorts', [{'port': 443}, {'port': 6443}, {'port': 8443}], PORTS,
     'Ports of the API server behind its Service.'),
    ('webhook.enabled', True, FLAG, 'Objects that break a rule are refused by the API server.'),
    ('autoscaling.enabled', False, FLAG, 'A HorizontalPodAutoscaler instead of replicas.'),
    ('autoscaling.min', 2, COUNT, 'Fewest replicas.'),
    ('autoscaling.max', 5, COUNT, 'Most replicas.'),
    ('autoscaling.cpu', '800m', TEXT, 'CPU that a replica may use on average.'),
    ('serviceMonitor.enabled', False, FLAG, 'A ServiceMonitor, for the Prometheus operator.'),
]

HEADER = '# SPDX-License-Identifier: Apache-2.0\n'
MADE = HEADER + '# Made by deploy/kubernetes/chart.py (make chart): change its source instead.\n'

NOTES = '''navarchd {{ .Chart.AppVersion }} is being installed into {{ .Release.Namespace }}.

  kubectl -n {{ .Release.Namespace }} rollout status deployment/navarchd

Its Pods wait for the Secret cacerts and the ConfigMap navarchd-tokens: navctl install --prepare makes both.
Proxies find it at istiod.{{ .Release.Namespace }}.svc:15012.
{{- if .Values.plaintext }}

xDS is open to everybody on 15010, without TLS: for development only.
{{- end }}
'''

# what a schema cannot say
GUARD = '''{{- if ne .Release.Namespace "istio-system" }}
{{- fail "the root namespace of the mesh is istio-system: helm install ... --namespace istio-system --create-namespace" }}
{{- end }}
'''


# of the cluster, by either naming of a CA's files; nothing where Helm only renders
ROOT_OF_CA = '''{{- define "navarch.root" -}}
{{- $data := (lookup "v1" "Secret" .Release.Namespace "cacerts").data | default dict -}}
{{- get $data "root-cert.pem" | default (get $data "ca.crt") -}}
{{- end -}}
'''


# ---- writing ----

def templated(text):
    """The template that a file of the base stands for."""
    out, body_of = [], None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if body_of is not None and (not line.strip() or indent > body_of):
            continue
        body_of = None
        chart_only = re.match(r'^( *)#\+ (.*)$', line)
        replaced = re.match(r'^(\s*(?:- )?(?:[\w.]+: )?)(\S.*?)  # (\{\{.*\}\})$', line)
        if chart_only:
            line = ''.join(chart_only.groups())
        elif replaced:
            line = replaced.group(1).rstrip(' ') + ' ' + replaced.group(3)
            if replaced.group(2) == '|':
                body_of = indent
                line = replaced.group(1) + '|' + replaced.group(3).replace('{{', '{{-', 1)
        out.append(line)
    body = '\n'.join(out) + '\n'
    if not body.startswith(HEADER):
        raise SystemExit('a file of the base has no license line')
    return MADE + body[len(HEADER):]


def tree():
    """The table by its paths: {name: (default, schema, text) or a tree}."""
    out = {}
    for path, *row in VALUES:
        *above, last = path.split('.')
        at = out
        for name in above:
            at = at.setdefault(name, {})
        at[last] = tuple(row)
    return out


def values_text(values, indent=''):
    out = ''
    for name, row in values.items():
        if isinstance(row, dict):
            out += '%s%s:\n%s' % (indent, name, values_text(row, indent + '  '))
        else:
            out += '%s# %s\n%s%s: %s\n' % (indent, row[2], indent, name, json.dumps(row[0]))
    return out


def schema_of(values):
    return {'type': 'object', 'additionalProperties': False, 'properties': {
        name: schema_of(row) if isinstance(row, dict) else dict(row[1], description=row[2])
        for name, row in values.items()}}


def files():
    schema = schema_of(tree())
    # what Helm itself hands down
    schema['properties']['global'] = {'type': 'object'}
    out = {
        'Chart.yaml': MADE + 'apiVersion: v2\nname: navarch\ndescription: The Navarch service-mesh control plane\n'
                      'type: application\nversion: %s\nappVersion: %s\nkubeVersion: ">=1.27.0-0"\n' % (VERSION, VERSION),
        'values.yaml': MADE + values_text(tree()),
        'values.schema.json': json.dumps(dict({'$schema': 'http://json-schema.org/draft-07/schema#'}, **schema), indent=2) + '\n',
        'templates/NOTES.txt': NOTES,
        'templates/guard.yaml': MADE + GUARD,
        'templates/_root.tpl': ROOT_OF_CA,
    }
    for source in BASE + COMPONENTS:
        with open(os.path.join(HERE, source)) as f:
            out['templates/' + os.path.basename(source)] = templated(f.read())
    return out


def write(chart):
    for path, text in files().items():
        path = os.path.join(chart, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
    link = os.path.join(chart, 'crds')
    if not os.path.lexists(link):
        os.symlink('../../../api/crd', link)


# ---- checking ----

def objects(text):
    """By identity."""
    found = [d for d in yaml.safe_load_all(text) if d]
    out = {(d['kind'], d['metadata'].get('namespace'), d['metadata']['name']): d for d in found}
    assert len(out) == len(found), 'two objects of one name'
    return out


def source_objects(*sources):
    return objects('\n---\n'.join(open(os.path.join(HERE, s)).read() for s in sources))


class Chart:
    def __init__(self, chart, helm):
        self.chart, self.helm = chart, helm

    def run(self, values, *more, verb='template', namespace='istio-system'):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as f:
            json.dump(values, f)
            f.flush()
            # a Helm that `go install` built takes the cluster for 1.20
            names = ['navarch', '--kube-version', '1.34.0'] if verb == 'template' else []
            return subprocess.run([self.helm, verb, *names, self.chart, '--namespace', namespace, '--values', f.name, *more],
                                  capture_output=True, text=True)

    def render(self, values, *more):
        out = self.run(values, *more)
        assert out.returncode == 0, out.stderr
        return objects(out.stdout)

    def deployment(self, values):
        pod = self.render(values)['Deployment', 'istio-system', 'navarchd']['spec']
        return pod, pod['template']['spec']['containers'][0]


def is_base(chart):
    want, got = source_objects(*BASE), chart.render({})
    assert want.keys() == got.keys(), 'other objects: %s' % (want.keys() ^ got.keys())
    for key in want:
        assert want[key] == got[key], '%s differs' % (key,)


def has_crds(chart):
    crds = [k for k in chart.render({}, '--include-crds') if k[0] == 'CustomResourceDefinition']
    assert len(crds) == len(os.listdir(os.path.join(HERE, '../../api/crd'))), '%d CRDs' % len(crds)


def components_are_same(chart):
    got = chart.render({'autoscaling': {'enabled': True}, 'serviceMonitor': {'enabled': True}})
    for key, want in source_objects(*COMPONENTS).items():
        assert got[key] == want, '%s differs' % (key,)
    assert 'replicas' not in got['Deployment', 'istio-system', 'navarchd']['spec'], 'replicas beside an autoscaler'


def values_arrive(chart):
    """Each value changes what is rendered."""
    other = {'image': 'example.com/n:1', 'imagePullSecrets': [{'name': 's'}], 'replicas': 3, 'resources': {'limits': {'cpu': 1}},
             'nodeSelector': {'a': 'b'}, 'tolerations': [{'operator': 'Exists'}], 'podAnnotations': {'a': 'b'},
             'clusterDomain': 'c.example', 'mesh': {'trustDomain': 'd.example'}, 'logLevel': 'debug', 'plaintext': True,
             'extraArgs': ['--workers=2'], 'networkPolicy.enabled': False, 'webhook.enabled': False, 'networkPolicy.apiServerPorts': [{'port': 1}],
             'autoscaling.enabled': True, 'serviceMonitor.enabled': True}
    scaled = {'autoscaling.min': 3, 'autoscaling.max': 9, 'autoscaling.cpu': '1'}
    assert {*other, *scaled} == {row[0] for row in VALUES}, 'a value without a case'
    for values, base in ((other, {}), (scaled, {'autoscaling': {'enabled': True}})):
        before = chart.render(base)
        for path, value in values.items():
            *above, last = path.split('.')
            given = {above[0]: dict(base.get(above[0], {}), **{last: value})} if above else {last: value}
            assert chart.render(given) != before, '%s changes nothing' % path


def overlay_is_same(chart):
    """Every component, by kustomize and by values."""
    with tempfile.TemporaryDirectory() as folder:
        here = os.path.relpath(HERE, os.path.realpath(folder))
        with open(folder + '/kustomization.yaml', 'w') as f:
            yaml.safe_dump({'resources': [here + '/base'], 'components': [
                '%s/components/%s' % (here, c) for c in ('autoscaler', 'plaintext', 'service-monitor')]}, f)
        out = subprocess.run(['kubectl', 'kustomize', folder], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    want = objects(out.stdout)
    del want['Namespace', None, 'istio-system']
    got = chart.render({'autoscaling': {'enabled': True}, 'serviceMonitor': {'enabled': True}, 'plaintext': True})
    assert want.keys() == got.keys(), 'other objects: %s' % (want.keys() ^ got.keys())
    for key in want:
        assert want[key] == got[key], '%s differs' % (key,)


def hostile_values_stay_values(chart):
    """A text that looks like YAML stays a text."""
    _, container = chart.deployment({'image': 'a: b # {c', 'extraArgs': ['--x="y": [z']})
    assert container['image'] == 'a: b # {c' and container['args'][-1] == '--x="y": [z'


def wrong_values_are_refused(chart):
    for values in ({'replicas': 0}, {'replicas': 'two'}, {'logLevel': 'loud'}, {'imagee': 'x'}, {'image': ''},
                   {'networkPolicy': {'apiServerPorts': []}}, {'extraArgs': ['x']}, {'mesh': {'trustDomain': 'A b'}}):
        assert "don't meet the specifications of the schema" in chart.run(values).stderr, '%s is taken' % (values,)
    assert 'root namespace' in chart.run({}, namespace='other').stderr, 'another namespace is taken'


def lints(chart):
    out = chart.run({}, '--strict', verb='lint')
    assert out.returncode == 0, out.stdout


def check(chart, helm):
    if not os.path.exists(helm):
        print('SKIPPED: no Helm at %s (make helm builds it)\n0 passed, 0 failed, 1 skipped' % helm)
        return 0
    # where Helm is there is a kubectl too, if it was built (test/e2e/kube)
    os.environ['PATH'] = '%s:%s' % (os.path.dirname(os.path.abspath(helm)), os.environ['PATH'])
    tests = [is_base, has_crds, components_are_same, values_arrive, hostile_values_stay_values,
             wrong_values_are_refused, lints]
    failed, skipped = 0, not shutil.which('kubectl')
    if skipped:
        print('SKIPPED: overlay is same: no kubectl')
    else:
        tests.append(overlay_is_same)
    for test in tests:
        try:
            test(Chart(chart, helm))
            print('ok   chart: %s' % test.__name__.replace('_', ' '))
        except AssertionError as e:
            failed += 1
            print('FAIL chart: %s: %s' % (test.__name__.replace('_', ' '), e))
    print('%d passed, %d failed, %d skipped' % (len(tests) - failed, failed, skipped))
    return failed > 0


if __name__ == '__main__':
    sys.exit(check(*sys.argv[2:]) if sys.argv[1] == 'check' else write(sys.argv[2]))
