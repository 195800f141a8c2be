# SPDX-License-Identifier: Apache-2.0
"""The rows of one object's status, as the judge (../shared/judge/run_cases.py) asks for them: it imports this module, and
stands there without it. One of the judge's own goes before this one."""


def conditions(base, section, v):
    for c in v or []:
        yield dict(base, section=section, type=c['type'], status=c['status'], reason=c.get('reason', ''))


def rows_of(o):
    meta, status = o.get('metadata') or {}, o.get('status') or {}
    base = {'kind': o.get('kind'), 'namespace': meta.get('namespace', ''), 'name': meta.get('name')}
    yield from conditions(base, 'object', status.get('conditions'))
    for x in status.get('listeners') or []:
        yield from conditions(base, 'listener/' + x['name'], x.get('conditions'))
        yield dict(base, section='listener/' + x['name'], attachedRoutes=x.get('attachedRoutes', 0))
    for x in (status.get('parents') or []) + (status.get('ancestors') or []):
        ref = x.get('parentRef') or x.get('ancestorRef') or {}
        where = 'parent/%s/%s/%s' % (ref.get('kind', 'Gateway'), ref.get('namespace') or base['namespace'], ref['name'])
        yield from conditions(base, where, x.get('conditions'))
