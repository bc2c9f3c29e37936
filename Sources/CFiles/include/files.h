// Files of the repository, as they lie there, in the binary: no build step, nothing to install.
#ifndef TICKERFEED_FILES_H
#define TICKERFEED_FILES_H

#include <stddef.h>

struct tf_file {
    const char *name;
    const unsigned char *bytes;
    size_t count;
};

size_t tf_file_count(void);
/* By number, from 0. */
const struct tf_file *tf_file_at(size_t index);

#endif
