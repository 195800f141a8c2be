#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the simulator of certificates finds bugs, as ../planted.py does for the other one.

usage: planted_certs.py OBJDIR CC [NAME...]     (sim_certs must be built in OBJDIR)
"""
import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import planted                                                      # noqa: E402

# a history is some hundred signatures: fewer of them, and time
planted.SEEDS, planted.TIMEOUT_S = 300, 900
ROTATION, ROOTS, FILE = 'lib/ca/rotation.c', 'lib/server/roots.c', 'lib/ev/file.c'
BUGS = [
    ('those that are away are not waited for', ROTATION,
     'if (out->n_behind || out->n_away)', 'if (out->n_behind)'),
    ('those that are connected are not waited for', ROTATION,
     'if (out->n_behind || out->n_away)', 'if (out->n_away)'),
    ('ROOTCA counts before it is acknowledged', ROTATION,
     'return p->ack == ROTATION_ACK_HAS;', 'return true;'),
    ('leaves are not waited for', ROTATION,
     'if (leaf->until_s > root->until_s)\n\t\t\troot->until_s = leaf->until_s;', 'if (leaf->until_s > root->until_s)\n\t\t\troot->until_s = leaf->issued_s;'),
    ('what the files do not have is not trusted', ROTATION,
     'return which == DRAINED ? !lives(root, now_s) : !root->until_s && !root->promised_s;', '(void)which;\n\treturn now_s > 0;'),
    ('those that are connected are skipped, too', ROTATION,
     'h->skipped = h->skipped || h->seen != r->turn;', 'h->skipped = r->turn;'),
    ('a log that lacks lines is believed', ROTATION,
     'if (until_s > r->s.gap_s)', 'if (until_s > r->s.gap_s + 1000000)'),
    ('the ledger is not read after a restart', 'lib/server/roots_replay.c',
     '\treplay_file(r, r->path.log, now_s);\n}', '}'),
    ('steps are not on disk', ROOTS,
     '\tif (!save(r, e))\n\t\treturn 0;', '\tif (!r->unsaved || !save(r, e))\n\t\treturn 0;'),
    ('the old key is not kept', ROOTS,
     'if (r->opts.ca_dir && ca_save(ca, r->path.old, e))', 'if (!r->path.old[0] && ca_save(ca, r->path.old, e))'),
    ('certificates come with the issuer\'s own bundle', ROOTS,
     'r->ca = ca_with_roots(ca, bundle);', 'r->ca = ca_ref(ca);'),
    ('the new root issues at once', ROOTS,
     'return is_root(r->files, signer) ? r->files : is_root(r->old, signer) ? r->old : NULL;',
     'return signer ? r->files : r->old;'),
    ('an exchange that was cut short stays so', ROOTS,
     '\treturn !r->opts.ca_dir && is_root(r->old, wanted)', '\treturn r->opts.ca_dir && is_root(r->old, wanted)'),
    ('the old key stays on disk', ROOTS,
     'if (file_exists(r->path.old) && ca_remove(r->path.old, &e))', 'if (!file_exists(r->path.old) && ca_remove(r->path.old, &e))'),
    ('one of two renames is lost', ROOTS,
     '\tif (!file_exists(r->path.files))\n\t\treturn file_rename(r->path.fresh', '\tif (!file_exists(r->path.fresh))\n\t\treturn file_rename(r->path.fresh'),
    ('what a crash between two renames left stays', ROOTS,
     '\tif (!file_exists(r->path.fresh))\n\t\treturn 0;', '\tif (e)\n\t\treturn 0;'),
    ('a rename that was not synced is lost', FILE,
     '\tfree(tmp);\n\treturn sync_name(path, e);', '\tfree(tmp);\n\treturn 0;'),
    ('a file has its name before its content', FILE,
     'if (write_all(fd, p, n) || fchmod(fd, mode) || fsync(fd)) {', 'if (write_all(fd, p, n) || fchmod(fd, mode)) {'),
    ('a directory that was made is lost', FILE,
     'return sync_dir_of(path) && errno != EACCES ?', 'return errno == ENOSYS ?'),
    ('the log of a machine that started anew is believed', ROTATION,
     'rotation_unlogged(r, r->s.root[i].promised_s);', 'rotation_unlogged(r, 0);'),
    ('an abort that is aborted stays', ROOTS,
     "*r->rotation.s.refused = *r->rotation.s.target = '\\0';", "*r->rotation.s.refused = '\\0';"),
    ('serials repeat', 'lib/ca/ca.c',
     'struct tbs t = {.serial = r->serial};', 'static const uint8_t one[TBS_SERIAL] = {1};\n\tstruct tbs t = {.serial = one};'),
    ('the wrong service account', 'lib/ca/spiffe.c',
     'snprintf(out, SPIFFE_TEXT, "spiffe://%s/ns/%s/sa/%s", id->domain, id->ns, id->sa);',
     'snprintf(out, SPIFFE_TEXT, "spiffe://%s/ns/%s/sa/%.4s1", id->domain, id->ns, id->sa);'),
]


class Certs(planted.Sim):
    """The simulator links an archive: an object before it takes the place of its member."""

    def __init__(self, objdir, cc):
        self.objdir, self.cc = objdir.rstrip('/'), cc
        with open(f'{self.objdir}/test/sim/certs/link.txt') as f:
            self.cflags, self.ldopt, self.objects, self.libs = (line.split() for line in f.read().splitlines())

    def build(self, folder, path, text):
        source = os.path.join(folder, os.path.basename(path))
        with open(source, 'w') as f:
            f.write(text)
        subprocess.run([self.cc, *self.cflags, '-iquote', os.path.dirname(path), '-c', source, '-o', source + '.o'], check=True)
        program = os.path.join(folder, 'sim')
        subprocess.run([self.cc, *self.ldopt, '-o', program, source + '.o', *self.objects, *self.libs], check=True)
        return program


if __name__ == '__main__':
    sys.exit(planted.run_all(Certs(sys.argv[1], sys.argv[2]), [('certs', b) for b in BUGS if len(sys.argv) == 3 or b[0] in sys.argv[3:]]))
