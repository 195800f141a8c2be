/* SPDX-License-Identifier: Apache-2.0
 *
 * A load of TLS handshakes on a port: handshake_bench PORT ROOTS CERT KEY RATE SECONDS. Full handshakes
 * with a client's certificate, evenly RATE a second; each connection is closed when it stands.
 */
#include <stdlib.h>

#include "base/must.h"
#include "load.h"

struct target {
	SSL_CTX *ctx;
	int port;
};

static double shake(void *arg, int thread, size_t number)
{
	const struct target *t = arg;
	SSL *ssl = load_connect(t->ctx, t->port, "h2");
	double over;
	char byte;

	(void)thread;
	(void)number;
	if (!ssl)
		return 0;
	/* the first record of the server's says that it is content with our certificate */
	over = SSL_peek(ssl, &byte, 1) == 1 ? load_arrived_s(ssl) : 0;
	load_close(ssl);
	return over;
}

int main(int argc, char **argv)
{
	struct target t;

	must(argc == 7);
	t = (struct target){load_tls(argv[2], argv[3], argv[4]), atoi(argv[1])};
	load_run(&(struct load){.step = shake, .arg = &t, .rate = atof(argv[5]), .seconds = atof(argv[6])});
	SSL_CTX_free(t.ctx);
	return 0;
}
