/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over files and directories of inputs, without libFuzzer: for gcc, for coverage,
 * for a corpus as a regression test. An input that takes a second fails. usage: X_replay FILE|DIR...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_S_MAX = 1 };	/* of processor time */

static unsigned long runs;

/* -1: it takes too long. */
static int run_input(const uint8_t *data, size_t size, const char *path)
{
	clock_t took = clock();

	LLVMFuzzerTestOneInput(data, size);
	took = clock() - took;
	runs++;
	if (took <= INPUT_S_MAX * CLOCKS_PER_SEC)
		return 0;
	fprintf(stderr, "%s takes %.1f s\n", path, (double)took / CLOCKS_PER_SEC);
	return -1;
}

static int run_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);	/* exactly as large, so that a sanitizer sees one byte past */
	FILE *in = fopen(path, "rb");
	int rc = -1;

	if (data && in && fread(data, 1, size, in) == size)
		rc = run_input(data, size, path);
	else
		perror(path);
	if (in)
		fclose(in);
	free(data);
	return rc;
}

static int run_path(const char *path)
{
	struct dirent **names = NULL;
	struct stat st;
	int n, rc = 0;

	if (stat(path, &st)) {
		perror(path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return run_file(path, (size_t)st.st_size);
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char *below = NULL;

		if (names[i]->d_name[0] != '.' && asprintf(&below, "%s/%s", path, names[i]->d_name) > 0)
			rc |= run_path(below);
		free(below);
		free(names[i]);
	}
	free(names);
	return n < 0 ? -1 : rc;
}

int main(int argc, char **argv)
{
	int rc = 0;

	for (int i = 1; i < argc; i++)
		rc |= run_path(argv[i]);
	printf("%s: %lu inputs\n", argv[0], runs);
	return rc ? 1 : 0;
}
