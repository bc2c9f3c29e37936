// What tokens need of OpenSSL: public keys out of PEM, signatures, a MAC, a comparison in constant time.
//
// Each function leaves the thread's queue of errors empty: who asks it next, as TLS does, finds its own.
#ifndef TICKERFEED_COPENSSL_TOKENS_H
#define TICKERFEED_COPENSSL_TOKENS_H

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

// The first public key (SubjectPublicKeyInfo) in the PEM text, to be freed; NULL where there is none.
static inline EVP_PKEY *tf_read_public_key(const void *pem, size_t length) {
    BIO *bio = length > 1 << 20 ? (BIO *)0 : BIO_new_mem_buf(pem, (int)length);
    // Given no password, OpenSSL would ask for one on the terminal.
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, (void *)"") : (EVP_PKEY *)0;
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static inline void tf_free_public_key(EVP_PKEY *key) { EVP_PKEY_free(key); }

enum { TF_KEY_OTHER, TF_KEY_RSA, TF_KEY_P256, TF_KEY_ED25519 };

static inline int tf_key_kind(const EVP_PKEY *key) {
    char group[64];
    size_t written = 0;
    int kind = TF_KEY_OTHER;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: kind = TF_KEY_RSA; break;
    case EVP_PKEY_ED25519: kind = TF_KEY_ED25519; break;
    case EVP_PKEY_EC:
        if (EVP_PKEY_get_group_name(key, group, sizeof group, &written) == 1 &&
            strcmp(group, SN_X9_62_prime256v1) == 0)
            kind = TF_KEY_P256;
        break;
    }
    ERR_clear_error();
    return kind;
}

static inline int tf_key_bits(const EVP_PKEY *key) { return EVP_PKEY_get_bits(key); }

// The key as DER into `room`, which has space for `capacity` bytes; 0 where that is too little.
static inline size_t tf_write_public_key(const EVP_PKEY *key, unsigned char *room, size_t capacity) {
    int length = i2d_PUBKEY(key, NULL);
    int written = length > 0 && (size_t)length <= capacity ? i2d_PUBKEY(key, &room) : 0;
    ERR_clear_error();
    return written > 0 ? (size_t)written : 0;
}

// 1 where `signature` is the key's, over the text or over its SHA-256 (`hashes`).
static inline int tf_verify(
    EVP_PKEY *key, int hashes, const unsigned char *signature, size_t signature_length,
    const unsigned char *text, size_t length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int valid = context &&
        EVP_DigestVerifyInit(context, NULL, hashes ? EVP_sha256() : NULL, NULL, key) == 1 &&
        EVP_DigestVerify(context, signature, signature_length, text, length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return valid;
}

// Two numbers of 32 bytes, as RFC 7518 §3.4 writes a signature, to the DER that OpenSSL reads, into
// `room` of at least 80 bytes. 0 where there is no memory.
static inline size_t tf_ecdsa_der(const unsigned char *raw, unsigned char *room) {
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    int written = 0;
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
        written = i2d_ECDSA_SIG(signature, &room);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    ERR_clear_error();
    return written > 0 ? (size_t)written : 0;
}

// HMAC-SHA-256 into 32 bytes at `mac`; 1 is success.
static inline int tf_hmac_sha256(
    const void *secret, size_t secret_length, const unsigned char *text, size_t length, unsigned char *mac) {
    unsigned int written = 0;
    return HMAC(EVP_sha256(), secret, (int)secret_length, text, length, mac, &written) && written == 32;
}

// Takes as long wherever the first difference is.
static inline int tf_equal(const void *a, const void *b, size_t length) {
    return CRYPTO_memcmp(a, b, length) == 0;
}

#endif
