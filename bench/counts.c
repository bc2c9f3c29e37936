/*
 * counts - how often a program allocates, for `tickbench count`.
 *
 * Preloaded (LD_PRELOAD), it stands in front of malloc and its kin. The program reads the counter by
 * its name. Retains it counts itself: its Swift runtime is a part of it.
 */
#include <stddef.h>
#include <stdint.h>

uint64_t tickerfeed_allocations;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { tickerfeed_allocations++; return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { tickerfeed_allocations++; return __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { tickerfeed_allocations++; return __libc_realloc(old, size); }
void *aligned_alloc(size_t align, size_t size) { tickerfeed_allocations++; return __libc_memalign(align, size); }
int posix_memalign(void **out, size_t align, size_t size) {
    tickerfeed_allocations++;
    *out = __libc_memalign(align, size);
    return *out == NULL ? 12 : 0;
}
