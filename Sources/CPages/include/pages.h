// The browser's files, as they lie in `pages`, in the binary: no build step, nothing to install.
#ifndef TICKERFEED_PAGES_H
#define TICKERFEED_PAGES_H

#include <stddef.h>

struct tf_page {
    const char *name;
    const unsigned char *bytes;
    size_t count;
};

size_t tf_page_count(void);
/* Files by number, from 0. */
const struct tf_page *tf_page_at(size_t index);

#endif
