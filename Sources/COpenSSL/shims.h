// OpenSSL's hashing, as much of it as the WebSocket handshake needs.
#ifndef TICKERFEED_COPENSSL_SHIMS_H
#define TICKERFEED_COPENSSL_SHIMS_H

#include <openssl/evp.h>

// SHA-1 of `length` bytes into 20 bytes at `digest`. 1 is success, as everywhere in EVP.
static inline int tf_sha1(const void *bytes, size_t length, unsigned char *digest) {
    unsigned int written = 0;
    return EVP_Digest(bytes, length, digest, &written, EVP_sha1(), (ENGINE *)0) == 1 && written == 20;
}

#endif
