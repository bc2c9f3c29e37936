// zlib: checksums, and raw deflate (RFC 1951: no header, no checksum), whose makers are macros.
#ifndef TICKERFEED_ZLIB_SHIMS_H
#define TICKERFEED_ZLIB_SHIMS_H

#include <zlib.h>

static inline int tf_deflate_init(z_stream *stream, int level, int window_bits) {
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY);
}

static inline int tf_inflate_init(z_stream *stream, int window_bits) {
    return inflateInit2(stream, -window_bits);
}

/* A gzip member (RFC 1952), as small as it gets. */
static inline int tf_gzip_init(z_stream *stream) {
    return deflateInit2(stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
}

/* gzip members (RFC 1952): 16 asks for their heads and checksums. */
static inline int tf_gunzip_init(z_stream *stream) {
    return inflateInit2(stream, 15 + 16);
}

#endif
