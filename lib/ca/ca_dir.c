/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories of issuers: what does not need to look at a key.
 */
#include "ca/ca_int.h"

#include <stdio.h>
#include <string.h>

#include "ca/ca.h"
#include "ev/file.h"

const char *const ca_file_names[2][CA_PARTS] = {
    {"root-cert.pem", "ca-cert.pem", "ca-key.pem", "cert-chain.pem"},
    {"ca.crt", "tls.crt", "tls.key", NULL},
};

int ca_file_path(const char *dir, const char *name, char out[CA_PATH], struct err *e)
{
	return snprintf(out, CA_PATH, "%s/%s", dir, name) < CA_PATH ? 0 : err_set(e, ERR_LIMIT, "%s: too long a path", dir);
}

int ca_read_crl(const char *dir, struct buf *out, struct err *e)
{
	char path[CA_PATH];

	if (ca_file_path(dir, "ca-crl.pem", path, e))
		return -1;
	if (file_read(path, out, e))
		return e->code == ERR_NOT_FOUND ? 0 : -1;
	if (strspn(buf_cstr(out), " \t\r\n") == out->n)
		buf_clear(out);
	return 0;
}

int ca_remove(const char *dir, struct err *e)
{
	char path[CA_PATH];

	for (int i = 0; i < CA_PARTS; i++) {
		if (ca_file_path(dir, ca_file_names[0][i], path, e))
			return -1;
		if ((i == CA_KEY && file_overwrite(path, e) && e->code != ERR_NOT_FOUND) ||
		    (file_remove(path, e) && e->code != ERR_NOT_FOUND))
			return -1;
	}
	return file_remove_dir(dir, e) && e->code != ERR_NOT_FOUND ? -1 : 0;
}
