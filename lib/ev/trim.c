/* SPDX-License-Identifier: Apache-2.0 */
#include "ev/trim.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A segment that the linker made read-only has no page of its own. What is read-only after relocation belongs to one
 * that it made writable. The kernel's own, linux-vdso.so.1, is left alone. */
static int drop_clean(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t page = *(uintptr_t *)arg;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t begin = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		uintptr_t end = (info->dlpi_addr + segment->p_vaddr + segment->p_filesz + page - 1) & ~(page - 1);

		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W) && strncmp(info->dlpi_name, "linux-", 6))
			madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void trim_memory(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	malloc_trim(0);
	dl_iterate_phdr(drop_clean, &page);
}
