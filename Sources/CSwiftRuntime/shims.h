// The Swift runtime's hooks for instruments (swift/Runtime/InstrumentsSupport.h).
#ifndef TICKERFEED_SWIFT_RUNTIME_SHIMS_H
#define TICKERFEED_SWIFT_RUNTIME_SHIMS_H

#include <stdint.h>

typedef void *(*tf_retain_hook)(void *);
typedef void *(*tf_retain_n_hook)(void *, uint32_t);

// The hooks are called only where this is set.
extern _Bool _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly;
extern tf_retain_hook _swift_retain;
extern tf_retain_n_hook _swift_retain_n;

// Swift imports no variable that others may write: so by functions.
static inline tf_retain_hook tf_swap_retain(tf_retain_hook hook) {
    tf_retain_hook old = _swift_retain;
    _swift_retain = hook;
    return old;
}
static inline tf_retain_n_hook tf_swap_retain_n(tf_retain_n_hook hook) {
    tf_retain_n_hook old = _swift_retain_n;
    _swift_retain_n = hook;
    return old;
}
static inline void tf_enable_hooks(_Bool enabled) {
    _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly = enabled;
}

#endif
