/*
 * counts - how often a Swift program allocates and retains, for `tickbench count`.
 *
 * Preloaded (LD_PRELOAD), it stands in front of malloc and its kin, and in the hooks that the Swift
 * runtime offers for this (InstrumentsSupport.h). The program reads the two counters by name.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

uint64_t tickerfeed_allocations, tickerfeed_retains;

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

typedef void *(*retain_hook)(void *);
typedef void *(*retain_n_hook)(void *, uint32_t);
static retain_hook real_retain;
static retain_n_hook real_retain_n;

/* The runtime may keep its arguments in registers that a plain C function may change: the hooks are
   called by an ordinary call, so the ordinary convention holds. */
static void *count_retain(void *object) { tickerfeed_retains++; return real_retain(object); }
static void *count_retain_n(void *object, uint32_t n) { tickerfeed_retains += n; return real_retain_n(object, n); }

__attribute__((constructor)) static void install(void) {
    retain_hook *retain = dlsym(RTLD_DEFAULT, "_swift_retain");
    retain_n_hook *retain_n = dlsym(RTLD_DEFAULT, "_swift_retain_n");
    if (retain == NULL || retain_n == NULL) return;
    real_retain = *retain;
    real_retain_n = *retain_n;
    *retain = count_retain;
    *retain_n = count_retain_n;
}
