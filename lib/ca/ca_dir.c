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

int ca_part_path(const char *dir, enum ca_part part, char out[4096], struct err *e)
{
	if (snprintf(out, 4096, "%s/%s", dir, ca_file_names[0][part]) >= 4096)
		return err_set(e, ERR_LIMIT, "%s: too long a path", dir);
	return 0;
}

int ca_read_crl(const char *dir, struct buf *out, struct err *e)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/ca-crl.pem", dir) >= (int)sizeof(path))
		return err_set(e, ERR_LIMIT, "%s: too long a path", dir);
	if (file_read(path, out, e))
		return e->code == ERR_NOT_FOUND ? 0 : -1;
	if (strspn(buf_cstr(out), " \t\r\n") == out->n)
		buf_clear(out);
	return 0;
}

int ca_remove(const char *dir, struct err *e)
{
	char path[4096];

	for (int i = 0; i < CA_PARTS; i++) {
		if (ca_part_path(dir, (enum ca_part)i, path, e))
			return -1;
		if ((i == CA_KEY && file_overwrite(path, e) && e->code != ERR_NOT_FOUND) ||
		    (file_remove(path, e) && e->code != ERR_NOT_FOUND))
			return -1;
	}
	return file_remove_dir(dir, e) && e->code != ERR_NOT_FOUND ? -1 : 0;
}
