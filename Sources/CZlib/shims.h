// zlib, for checksums and, later, compressed bytes.
#ifndef TICKERFEED_ZLIB_SHIMS_H
#define TICKERFEED_ZLIB_SHIMS_H

#include <zlib.h>

#endif
