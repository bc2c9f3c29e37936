// TLS and PEM files, as much of OpenSSL as the server's and the client's ends need. What OpenSSL spells
// as a macro Swift does not import, so it is wrapped here.
#ifndef TICKERFEED_COPENSSL_TLS_H
#define TICKERFEED_COPENSSL_TLS_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static const uint64_t TF_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t TF_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t TF_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t TF_SSL_OP_PRIORITIZE_CHACHA = SSL_OP_PRIORITIZE_CHACHA;

static const unsigned long TF_XN_FLAG_ONELINE = XN_FLAG_ONELINE;

static inline long tf_ssl_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }
static inline int tf_ssl_set_versions(SSL_CTX *context, int least, int most) {
    return SSL_CTX_set_min_proto_version(context, least) && SSL_CTX_set_max_proto_version(context, most);
}
static inline long tf_ssl_set_groups(SSL_CTX *context, const char *names) {
    return SSL_CTX_set1_groups_list(context, (char *)names);
}
static inline long tf_ssl_set_session_cache(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline int tf_ssl_use_chain(SSL_CTX *context, X509 *certificate, EVP_PKEY *key, STACK_OF(X509) *chain) {
    return SSL_CTX_use_cert_and_key(context, certificate, key, chain, 1);
}
// 80 bytes: a name, a key for the MAC, a key for the cipher.
static inline long tf_ssl_get_ticket_keys(SSL_CTX *context, void *keys) {
    return SSL_CTX_get_tlsext_ticket_keys(context, keys, 80);
}
static inline long tf_ssl_set_ticket_keys(SSL_CTX *context, void *keys) {
    return SSL_CTX_set_tlsext_ticket_keys(context, keys, 80);
}
static inline long tf_ssl_set_server_name(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, name);
}
static inline STACK_OF(X509) *tf_x509_stack(void) { return sk_X509_new_null(); }
static inline int tf_x509_push(STACK_OF(X509) *stack, X509 *certificate) {
    return sk_X509_push(stack, certificate);
}
static inline void tf_x509_free_all(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }

// What a BIO says when it has nothing to give now.
static inline void tf_bio_retry_read(BIO *bio) {
    BIO_clear_retry_flags(bio);
    BIO_set_retry_read(bio);
}
static inline void tf_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline long tf_bio_mem_data(BIO *bio, const char **data) { return BIO_get_mem_data(bio, (char **)data); }

#endif
