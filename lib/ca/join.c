/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/join.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/must.h"
#include "ev/file.h"

enum {
	NAME = 8,
	NAME_HEX = 16,
	SECRET = 32,
	SECRET_TEXT = 43,
	HASH_HEX = 64,
	FILE_MAX = 1024,
	PATH_MAX_LEN = 4096
};

static const char prefix[] = "join-";

/* What a file holds: "<sha-256 of the secret> <expiry> <namespace> <service account>\n" */
struct entry {
	char hash[HASH_HEX + 1];
	int64_t expires_s;
	struct spiffe_id id;
};

static void print_hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void hash_secret(const char *secret, char out[HASH_HEX + 1])
{
	uint8_t digest[32];

	must(EVP_Digest(secret, SECRET_TEXT, digest, NULL, EVP_sha256(), NULL) == 1);
	print_hex(digest, sizeof(digest), out);
}

static int path_of(const char *dir, const char *name, char out[PATH_MAX_LEN], struct err *e)
{
	if (snprintf(out, PATH_MAX_LEN, "%s/%.*s.token", dir, NAME_HEX, name) >= PATH_MAX_LEN)
		return err_set(e, ERR_LIMIT, "%s: too long a path", dir);
	return 0;
}

int join_make(const char *dir, const struct spiffe_id *id, int64_t expires_s,
	      const uint8_t random[JOIN_RANDOM], char token[JOIN_TEXT], struct err *e)
{
	char hash[HASH_HEX + 1], text[FILE_MAX], path[PATH_MAX_LEN];
	char *name = token + sizeof(prefix) - 1, *secret = name + NAME_HEX + 1;
	int n;

	memcpy(token, prefix, sizeof(prefix) - 1);
	print_hex(random, NAME, name);
	name[NAME_HEX] = '-';
	must(base64_encode(BASE64_URL, random + NAME, SECRET, secret) == SECRET_TEXT);
	secret[SECRET_TEXT] = '\0';
	hash_secret(secret, hash);
	n = snprintf(text, sizeof(text), "%s %" PRId64 " %s %s\n", hash, expires_s, id->ns, id->sa);
	must(n > 0 && n < (int)sizeof(text));
	if (file_make_dir(dir, 0700, e) || path_of(dir, name, path, e))
		return -1;
	return file_create(path, text, (size_t)n, 0600, e);
}

bool join_is_token(const char *text, size_t n)
{
	const char *name = text + sizeof(prefix) - 1;

	return n == JOIN_TEXT - 1 && !memcmp(text, prefix, sizeof(prefix) - 1) &&
	       strspn(name, "0123456789abcdef") == NAME_HEX && name[NAME_HEX] == '-' &&
	       !memchr(text, '\0', n);
}

static int parse_entry(const char *text, struct entry *out)
{
	char ns[SPIFFE_NS], sa[SPIFFE_SA], end;
	struct err e;

	if (sscanf(text, "%64[0-9a-f] %" SCNd64 " %63s %253s%c", out->hash, &out->expires_s, ns, sa,
		   &end) != 5 ||
	    end != '\n' || strlen(out->hash) != HASH_HEX)
		return -1;
	return spiffe_make("any", ns, sa, &out->id, &e);
}

static int read_entry(const char *path, struct entry *out)
{
	struct buf text;
	struct err e;
	int status;

	buf_init(&text, FILE_MAX);
	status = file_read(path, &text, &e) || parse_entry(buf_cstr(&text), out) ? -1 : 0;
	buf_fini(&text);
	return status;
}

int join_redeem(const char *dir, const char *token, size_t n, int64_t now_s, struct spiffe_id *out,
		struct err *e)
{
	const char *name = token + sizeof(prefix) - 1;
	char path[PATH_MAX_LEN], hash[HASH_HEX + 1];
	struct entry entry;

	if (!join_is_token(token, n) || path_of(dir, name, path, e) || read_entry(path, &entry))
		return err_set(e, ERR_REFUSED, "no such join token, or it is used up");
	hash_secret(name + NAME_HEX + 1, hash);
	if (CRYPTO_memcmp(hash, entry.hash, HASH_HEX) || now_s >= entry.expires_s ||
	    file_remove(path, e))
		return err_set(e, ERR_REFUSED, "no such join token, or it is used up");
	*out = entry.id;
	out->domain[0] = '\0';
	return 0;
}

int join_sweep(const char *dir, int64_t now_s, struct err *e)
{
	static const char *const suffixes[] = {".token", NULL};
	struct file_list files;
	struct arena a;
	int left = -1;

	arena_init(&a, 0);
	if (!file_list(dir, suffixes, &a, &files, e)) {
		left = 0;
		for (size_t i = 0; i < files.n; i++) {
			struct entry entry;
			struct err ignored;

			if (!read_entry(files.v[i], &entry) && now_s >= entry.expires_s)
				file_remove(files.v[i], &ignored);
			else
				left++;
		}
	}
	arena_fini(&a);
	return left;
}
