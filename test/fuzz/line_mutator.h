/* SPDX-License-Identifier: Apache-2.0
 *
 * A mutator for targets that read YAML: half of the time whole lines are removed, doubled, moved or
 * indented, or a value is replaced by another value of the text, so that most mutants still parse; else
 * libFuzzer's own mutations. Included once by a target.
 */
#ifndef TEST_FUZZ_LINE_MUTATOR_H
#define TEST_FUZZ_LINE_MUTATOR_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* A line with its newline, or what stands behind ": " or "- " in it. */
struct piece {
	size_t at, n;
};

static struct piece line_at(const uint8_t *data, size_t size, size_t any)
{
	size_t from = any, to = any;

	while (from && data[from - 1] != '\n')
		from--;
	while (to < size && data[to] != '\n')
		to++;
	return (struct piece){from, (to < size ? to + 1 : to) - from};
}

static struct piece value_at(const uint8_t *data, size_t size, size_t any)
{
	struct piece line = line_at(data, size, any);

	for (size_t i = line.at; i + 2 < line.at + line.n; i++)
		if ((data[i] == ':' || data[i] == '-') && data[i + 1] == ' ') {
			size_t end = line.at + line.n;

			while (end > i + 2 && data[end - 1] == '\n')
				end--;
			return (struct piece){i + 2, end - i - 2};
		}
	return (struct piece){line.at, 0};
}

/* Puts n bytes in the place of a piece; the size afterwards. */
static size_t put(uint8_t *data, size_t size, size_t max, struct piece old, const uint8_t *p, size_t n)
{
	if (size - old.n + n > max)
		return size;
	memmove(data + old.at + n, data + old.at + old.n, size - old.at - old.n);
	memcpy(data + old.at, p, n);
	return size - old.n + n;
}

static size_t mutate_lines(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	static const char spaces[] = "        ";
	size_t a = (size_t)rand_r(&seed) % size, b = (size_t)rand_r(&seed) % size;
	struct piece from = line_at(data, size, a), to = line_at(data, size, b);
	uint8_t *copy;

	switch (rand_r(&seed) % 5) {
	case 0:
		return put(data, size, max, from, (const uint8_t *)"", 0);
	case 1:
		return put(data, size, max, (struct piece){from.at, 0}, (const uint8_t *)spaces, 1 + (size_t)rand_r(&seed) % 4);
	case 2:
		from = value_at(data, size, a);
		to = value_at(data, size, b);
		break;
	case 3:		/* replaced by another line */
		break;
	default:	/* another line in front of it */
		to.n = 0;
	}
	copy = malloc(from.n + 1);
	if (!copy)
		return size;
	memcpy(copy, data + from.at, from.n);
	size = put(data, size, max, to, copy, from.n);
	free(copy);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t n = 0;

	if (size && rand_r(&seed) % 2)
		for (int i = rand_r(&seed) % 4; i >= 0 && size; i--)
			n = size = mutate_lines(data, size, max, (unsigned)rand_r(&seed));
	return n ? n : LLVMFuzzerMutate(data, size, max);
}

#endif
