#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the simulator finds bugs: each of these patches breaks lib/ in a plausible way, and must be
caught within 2,000 seeds.

usage: planted.py OBJDIR CC [NAME|WORLD...]     (the simulator must be built in OBJDIR)
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

SEEDS = 2000
TIMEOUT_S = 120
# name, file, exact old text, new text
KUBE_BUGS = [
    ('a list with broken elements deletes', 'lib/store/kube_watch.c',
     'w->cfg.events->list_ended(w->cfg.arg, !w->saw_broken);', 'w->cfg.events->list_ended(w->cfg.arg, true);'),
    ('the first page is the list', 'lib/store/kube_watch_end.c',
     '\tif (token && *token) {', '\tif (token && !*token) {'),
    ('a list that was given up counts', 'lib/store/kube_watch.c',
     'w->cfg.events->list_ended(w->cfg.arg, false);', 'w->cfg.events->list_ended(w->cfg.arg, true);'),
    ('any bookmark ends a list', 'lib/store/kube_watch.c',
     'if (w->mode == LIST_STREAM && end && !strcmp(end, "true") && kube_watch_version_of(object))', '(void)end;\n\t\tif (w->mode == LIST_STREAM && kube_watch_version_of(object))'),
    ('410 is an error as any other', 'lib/store/kube_watch.c',
     '\t\tw->gone_410 = true;', '\t\tw->gone_410 = false;'),
    ('silent watches go on for ever', 'lib/store/kube_watch_end.c',
     '++w->silent_watches >= SILENT_WATCHES)', '++w->silent_watches >= SILENT_WATCHES && !silent)'),
    ('an event goes back in time', 'lib/store/kube_watch.c',
     'if (w->mode == WATCH && goes_back(w, now_ms, object))\n\t\treturn true;', ''),
    ('Retry-After is not heard', 'lib/store/kube_watch.c',
     'if (w->retry_after_ms > 0 && w->not_before_ms < now_ms + w->retry_after_ms)', 'if (w->retry_after_ms < 0 && now_ms < 0)'),
    ('a kind that is forbidden is settled at once', 'lib/store/kube_watch.c',
     'if (w->state == KUBE_FORBIDDEN)\n', 'if (w->state == KUBE_FORBIDDEN && now_ms < 0)\n'),
    ('a version that is not served is the end', 'lib/store/kube_watch_end.c',
     'w->at_api = (w->at_api + 1) % w->n_api;', 'w->at_api = 0;'),
    ('a kind that is away is gone at once', 'lib/store/kube_watch_end.c',
     'now_ms - w->absent_since_ms >= KUBE_VANISHED_MS && !w->vanished', '!w->vanished'),
    ('a refused list is asked for without rest', 'lib/store/kube_watch.c',
     '\tif (w->not_before_ms < now_ms + KUBE_BACKOFF_MS)\n\t\tw->not_before_ms = now_ms + KUBE_BACKOFF_MS;', '\tw->not_before_ms = now_ms + 1;'),
    ('an object is what its uid says', 'lib/store/source_kube.c',
     'return hash_mix_u64(hash_bytes(version, strlen(version)), hash_text(node_text(meta, "uid"))).lo | 1;',
     'return hash_text(node_text(meta, "uid"));'),
    ('masses are deleted at once', 'lib/store/source_kube.c',
     'if (sweep->hold && !k->missing) {', 'if (sweep->hold && k->missing) {'),
    ('what a list does not have stays', 'lib/store/source_kube.c',
     '\tif (k->round == sweep->feed->round)\n\t\treturn;', '\tif (k->round)\n\t\treturn;'),
    ('an object that comes again unchanged is lost to the list', 'lib/store/source_kube.c',
     '\tk->round = f->round;\n', '\tif (!same)\n\t\tk->round = f->round;\n'),
    ('the first state is what came first', 'lib/store/source_kube.c',
     'if (!kube_watch_is_settled(f->watch, now))\n\t\t\treturn false;', 'if (kube_watch_is_settled(f->watch, now))\n\t\t\treturn true;'),
    ('a deletion is not committed', 'lib/store/source_kube.c',
     '\tfree(k);\n\ttouch(f->source);', '\tfree(k);'),
    ('what is read by name outlives its reference', 'lib/store/source_kube_refs.c',
     '\t\tsource_kube_forget_all(f);\n', ''),
    ('Secrets are looked for once', 'lib/store/source_kube.c',
     '\tif (news)\n\t\tsource_kube_follow(s);', '\tif (news && s->synced)\n\t\tsource_kube_follow(s);'),
    ('what failed to be saved is saved', 'lib/store/disk.c',
     '\tif (!rc)\n\t\t*last = sum;', '\t*last = sum;'),
    ('a Secret is not read from disk', 'lib/store/source_kube.c',
     's->loading_referred = true;', 's->loading_referred = false;'),
]
BUGS = [
    ('a lost delete', 'lib/store/store.c',
     'if (!c && !old)\n\t\treturn false;', 'if (!c)\n\t\treturn false;'),
    ('changes are told by place only', 'lib/store/store.c',
     'return hash_equal(a->hash, b->hash) && text_equal', 'return text_equal'),
    ('the last good form is dropped', 'lib/store/store.c',
     'if (c && (!c->obj || c->obj == old', 'if (c && (c->obj == old'),
    ('an older place outlives its successor', 'lib/store/store.c',
     '\tif (old)\n\t\tdrop_place(s, old);', '\tif (old && !old->n)\n\t\tdrop_place(s, old);'),
    ('endpoints stay when their service changed', 'lib/mesh/endpoint.c',
     'dirty[i] = old != svc;', 'dirty[i] = false;'),
    ('a merged rule is reused by its size', 'lib/mesh/rule.c',
     'dr->n_objs == m->objs.n &&\n\t\t    memcmp(dr->objs, m->objs.v, m->objs.n * sizeof(m->objs.v[0])) == 0)',
     'dr->n_objs == m->objs.n)'),
    ('verdicts stay when their surroundings changed', 'lib/mesh/snapshot_verdict.c',
     'if ((judges[kind].depends & UINT64_C(1) << k) && !b->same[k])', 'if (k == kind && !b->same[k])'),
    ('routes of the Gateway API stay when their parents go', 'lib/mesh/snapshot_gwapi.c',
     'bool same = b->same_mesh && b->same[KIND_SERVICE] &&', 'bool same = b->same_mesh &&'),
    ('where keys of tokens come from does not count', 'lib/plan/plan_authz.c',
     'jwt_mix_inputs(p, scratch, view_mix_policies(p->view, h))', 'view_mix_policies(p->view, h)'),
    ('assignments do not depend on endpoints', 'lib/plan/plan_endpoint.c',
     'h = network_mix(p, hash_mix(h, o->svc->eps->part.hash));', 'h = network_mix(p, h);'),
    ('clusters do not depend on rules', 'lib/plan/plan_cluster.c',
     'h = o->svc->dr ? hash_mix(h, o->svc->dr->part.hash) : hash_mix_u64(h, 0);\n\th = hash_mix_str(hash_mix_u64(h, o->port->port)',
     'h = hash_mix_str(hash_mix_u64(h, o->port->port)'),
    ('routes do not depend on VirtualServices', 'lib/plan/plan_route.c',
     'h = hash_mix(h, r->index->vs_inputs[vss.v.v[i]]);', 'h = hash_mix_u64(h, vss.v.v[i]);'),
    ('a gateway forgets its destinations', 'lib/plan/plan_gateway.c',
     'struct hash128 h = http_mix_inputs(p, vs, vs->part.hash);', 'struct hash128 h = vs->part.hash; (void)p;'),
    ('assignments do not depend on PeerAuthentications', 'lib/plan/plan_cluster.c',
     'hash_mix_str(hash_mix(h, p->snap->peer_hash), tls_gateway_cert(v))', 'hash_mix_str(h, tls_gateway_cert(v))'),
    ('inbound listeners do not depend on PeerAuthentications', 'lib/plan/plan_inbound.c',
     'view_mix_peer(v, view_mix_listeners(v, h))', 'view_mix_listeners(v, h)'),
    ('inbound listeners do not depend on services', 'lib/plan/plan_inbound.c',
     '\t\th = hash_mix(h, v->targets[i].svc->part.hash);\n', ''),
    ('a row is reused by its name', 'lib/xds/compile.c',
     'if (*at == prev->n || order || !hash_equal(prev->row[*at].inputs, inputs))',
     '(void)inputs;\n\tif (*at == prev->n || order)'),
    ('a set is reused when its names are equal', 'lib/xds/res.c',
     'if (a->row[i].res != b->row[i].res || !hash_equal(a->row[i].inputs, b->row[i].inputs))',
     'if (strcmp(a->row[i].res->name, b->row[i].res->name))'),
    ('a set that is not needed is kept', 'lib/xds/res.c',
     '\t\tres_set_unref(t, s);\n\t\treturn res_set_ref(prev);', '\t\treturn res_set_ref(prev);'),
    ('views are kept when they differ', 'lib/server/publish.c',
     'if (p->snap->same_views && slots[i]->snap &&', 'if (slots[i]->snap &&'),
    ('of several new endpoints only some count', 'lib/plan/plan.c',
     'for (size_t i = 0; i < s->n_touched; i++) {', 'for (size_t i = 0; i < s->n_touched && !n; i++) {'),
    ('listeners of endpoints stay when these change', 'lib/plan/plan.c',
     'v->type != PROXY_SIDECAR && !v->dns_capture', '!v->dns_capture'),
    ('accounts stay when endpoints change', 'lib/plan/plan.c',
     '\tplan_service_rows(p, &rows);\n\tplan_endpoint_rows', '\tplan_endpoint_rows'),
    ('views stay when pods change', 'lib/mesh/snapshot.c',
     'if (!b->same[KIND_POD] || !b->same[KIND_NODE] ||', 'if ('),
    ('views stay when a workload is told by address', 'lib/mesh/snapshot.c',
     'if (svc->is_kube ? svc->selector.n == 0 : svc->resolution == SVC_EDS)', 'if (!svc)'),
    ('a view with a bundle is not stale', 'lib/server/publish.c',
     's->stale = true;', 's->stale = !s->bundle;'),
    ('a change during a build is forgotten', 'lib/server/publish.c',
     '\tp->building = false;\n\tif (job->cancelled', '\tp->building = false;\n\tp->changed = false;\n\tif (job->cancelled'),
    ('the second client of a view is not told', 'lib/server/publish.c',
     'next = sub->next;\n\t\tsub->updated(sub, b);', 'next = NULL;\n\t\tsub->updated(sub, b);'),
    ('what is due of a new set is not looked for', 'lib/xds/session.c',
     '\t\tsettle_claim(s, t);\n\t\ttrack_refresh(s, t);', '\t\tsettle_claim(s, t);'),
    ('what a client came back with is believed current', 'lib/xds/session.c',
     'else if (hash_equal(has, t->set->row[flags - t->row].res->hash))', 'else'),
    ('what a client came back with is sent again', 'lib/xds/session.c',
     '\t\t*flags |= CURRENT;', '\t\t*flags |= 0;'),
    ('routes do not wait for listeners', 'lib/xds/session.c',
     '[XDS_RDS] = {BIT(CDS) | BIT(EDS) | BIT(LDS), BIT(CDS) | BIT(EDS)}', '[XDS_RDS] = {0, 0}'),
    ('listeners do not wait for clusters', 'lib/xds/session.c',
     '[XDS_LDS] = {BIT(CDS) | BIT(EDS), BIT(CDS) | BIT(EDS)}', '[XDS_LDS] = {0, 0}'),
    ('clusters are withdrawn before their users', 'lib/xds/session.c',
     'if (t->type != XDS_CDS)\n\t\treturn true;', 'if (t->type != XDS_SDS)\n\t\treturn true;'),
    ('a stale nonce acknowledges', 'lib/xds/session.c',
     "return t->nonce && !strncmp(nonce, want, (size_t)n) && (!nonce[n] || nonce[n] == '/');",
     "(void)nonce;\n\treturn t->nonce && n;"),
    ('removals are never due', 'lib/xds/session_track.c',
     'd->due |= DUE_REMOVE;', 'd->due |= 0;'),
    ('the subscription is not looked at', 'lib/xds/session_track.c',
     'if (flags & REFUSED || !(t->wild || flags & WANTED))', '(void)t;\n\tif (flags & REFUSED)'),
    ('a new content keeps the flags of the old', 'lib/xds/session_track.c',
     'same_content(old, now) ? t->row[i] : t->row[i] & (WANTED | KNOWN | AGAIN)', 't->row[i]'),
    ('a changed cluster is left without its assignment', 'lib/xds/session_send.c',
     'eds->row[row] |= AGAIN;', 'eds->row[row] |= 0;'),
    ('nonces repeat', 'lib/xds/session_send.c',
     't->nonce = ++s->last_nonce;', 't->nonce = ++s->last_nonce / 2 + 1;'),
]


class Sim:
    def __init__(self, objdir, cc):
        self.objdir = objdir.rstrip('/')
        self.cc = cc
        with open(f'{self.objdir}/test/sim/link.txt') as f:
            self.cflags, self.ldopt, self.objects, self.libs = (line.split() for line in f.read().splitlines())

    def build(self, folder, path, text):
        """The simulator with the file's text instead; returns its path."""
        source = os.path.join(folder, os.path.basename(path))
        with open(source, 'w') as f:
            f.write(text)
        patched = source + '.o'
        original = f'{self.objdir}/{path[:-2]}.o'
        if original not in self.objects:
            raise ValueError(f'{original} is no part of the simulator')
        subprocess.run([self.cc, *self.cflags, '-iquote', os.path.dirname(path), '-c', source, '-o', patched], check=True)
        program = os.path.join(folder, 'sim')
        objects = [patched if o == original else o for o in self.objects]
        subprocess.run([self.cc, *self.ldopt, '-o', program, *objects, *self.libs], check=True)
        return program


def caught_by(out, returncode):
    """What stopped the run, or None if nothing did."""
    for line in out.splitlines():
        if re.match(r'seed \d+: ', line):
            return line
    return f'it ended with {returncode}: {out.strip().splitlines()[-1] if out.strip() else ""}' if returncode else None


def plant(sim, world, bug):
    name, path, old, new = bug
    with open(path) as f:
        text = f.read()
    if text.count(old) != 1:
        return False, f'{name}: the text to replace stands {text.count(old)} times in {path}'
    folder = tempfile.mkdtemp(prefix='navarch-planted-')
    try:
        program = sim.build(folder, path, text.replace(old, new))
        run = subprocess.run([program, '--world', world, '--seeds', str(SEEDS), '--failures', '1'], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors='replace', timeout=TIMEOUT_S)
        why = caught_by(run.stdout, run.returncode)
        return (True, f'{name}: {why}') if why else (False, f'{name}: NOT CAUGHT in {SEEDS} seeds')
    except subprocess.TimeoutExpired:
        return True, f'{name}: it hangs'
    except (subprocess.CalledProcessError, ValueError) as e:
        return False, f'{name}: {e}'
    finally:
        shutil.rmtree(folder)


def main():
    sim = Sim(sys.argv[1], sys.argv[2])
    bugs = [(world, b) for world, v in (('files', BUGS), ('kube', KUBE_BUGS)) for b in v
            if len(sys.argv) == 3 or b[0] in sys.argv[3:] or world in sys.argv[3:]]
    return run_all(sim, bugs)


def run_all(sim, bugs):
    passed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for ok, text in pool.map(lambda b: plant(sim, *b), bugs):
            print(('ok    ' if ok else 'FAIL  ') + text, flush=True)
            passed += ok
    print(f'{passed} passed, {len(bugs) - passed} failed')
    return passed != len(bugs)


if __name__ == '__main__':
    sys.exit(main())
