/* The two ends of a mirror, fast enough never to be what is measured: a source of films and a sink that speaks S3.

   server SOURCE_PORT SINK_PORT CERTIFICATE KEY RATE LATENCY

   RATE is bytes a second for each connection (0: free), LATENCY milliseconds before each answer of the sink (0: none).
   The source serves /BYTES.mp4 with ranges. The sink discards what it is sent, knows how many bytes each object has,
   gives one PUT the ETag that the source's film of that size has (R2's is the body's MD5), and says on standard output when a body's first byte came: "KEY PART NANOSECONDS" on the monotonic clock.
   Only for 127.0.0.1: its parsing trusts its clients. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define STEP (256 * 1024)
#define PATTERN (8 * 1024 * 1024)
#define HEAD_MAX 16384
#define OBJECTS 4096

static unsigned char *pattern;
static long rate, latency_ms;
static SSL_CTX *tls;

typedef struct {
    SSL *ssl;
    char head[HEAD_MAX + 1];
    int have; /* bytes of `head` that were read */
    int used; /* of them, how many this request has taken */
    long moved;
    struct timespec since;
} Peer;

typedef struct {
    char key[256];
    long size;
    int in_parts;
} Object;

static Object objects[OBJECTS];
static int object_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, md5_lock = PTHREAD_MUTEX_INITIALIZER;

static long add_bytes(const char *key, long bytes, int begin, int *in_parts) {
    pthread_mutex_lock(&lock);
    int place = 0;
    while (place < object_count && strcmp(objects[place].key, key)) place++;
    if (place == object_count && object_count < OBJECTS) {
        snprintf(objects[place].key, sizeof objects[place].key, "%s", key);
        object_count++;
    }
    if (begin) objects[place].size = 0, objects[place].in_parts = 0;
    if (*in_parts) objects[place].in_parts = 1;
    *in_parts = objects[place].in_parts;
    long size = objects[place].size += bytes;
    pthread_mutex_unlock(&lock);
    return size;
}

/* The MD5 of the film of that size: computed once, by the round that isn't counted. */
static void film_md5(long size, char *text) {
    static long known_size[64];
    static char known[64][33];
    static int count;
    pthread_mutex_lock(&md5_lock);
    int place = 0;
    while (place < count && known_size[place] != size) place++;
    if (place == count) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        EVP_MD_CTX *hash = EVP_MD_CTX_new();
        EVP_DigestInit_ex(hash, EVP_md5(), NULL);
        for (long at = 0; at < size; at += PATTERN)
            EVP_DigestUpdate(hash, pattern, (size_t)(size - at < PATTERN ? size - at : PATTERN));
        EVP_DigestFinal_ex(hash, digest, NULL);
        EVP_MD_CTX_free(hash);
        for (int byte = 0; byte < 16; byte++) sprintf(known[place] + 2 * byte, "%02x", digest[byte]);
        known_size[place] = size;
        if (count < 63) count++;
    }
    strcpy(text, known[place]);
    pthread_mutex_unlock(&md5_lock);
}

static long nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void pause_until(long moment) {
    struct timespec until = {moment / 1000000000L, moment % 1000000000L};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Holds a body to RATE: `moved` bytes of it may not have passed before begun + moved / rate. */
static void keep_to_rate(long begun, long moved) {
    if (rate) pause_until(begun + (long)(moved * 1e9 / rate));
}

static int put(Peer *peer, const void *bytes, long count) {
    return count == 0 || SSL_write(peer->ssl, bytes, (int)count) > 0;
}

static int answer(Peer *peer, const char *status, const char *headers, const char *body) {
    char text[4096];
    int length = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body),
                          headers, body);
    return put(peer, text, length);
}

/* Reads until a head is whole; 0 when the peer has gone. What came with it stays in `head` behind `used`. */
static int read_head(Peer *peer) {
    memmove(peer->head, peer->head + peer->used, peer->have - peer->used);
    peer->have -= peer->used;
    peer->used = 0;
    for (;;) {
        peer->head[peer->have] = 0;
        char *end = strstr(peer->head, "\r\n\r\n");
        if (end) {
            end[2] = 0; /* the last header keeps its line end */
            peer->used = (int)(end + 4 - peer->head);
            return 1;
        }
        if (peer->have == HEAD_MAX) return 0;
        int got = SSL_read(peer->ssl, peer->head + peer->have, HEAD_MAX - peer->have);
        if (got <= 0) return 0;
        peer->have += got;
    }
}

static const char *header(Peer *peer, const char *name) {
    char *found = strcasestr(peer->head, name);
    return found ? found + strlen(name) : NULL;
}

/* Takes and discards a body; its first byte's time is told. */
static int discard(Peer *peer, long size, const char *key, const char *part) {
    static __thread unsigned char *buffer;
    if (!buffer) buffer = malloc(STEP);
    const char *expected = header(peer, "\r\nExpect: 100-continue");
    if (expected && !put(peer, "HTTP/1.1 100 Continue\r\n\r\n", 25)) return 0;
    long begun = nanoseconds(), moved = 0;
    int ahead = peer->have - peer->used;
    if (ahead > size) ahead = (int)size;
    peer->used += ahead;
    moved += ahead;
    int told = 0;
    for (;;) {
        if (moved && !told) {
            told = 1;
            begun = nanoseconds();
            printf("%s %s %ld\n", key, part, begun);
            fflush(stdout);
        }
        if (moved >= size) return 1;
        long wanted = size - moved < STEP ? size - moved : STEP;
        int got = SSL_read(peer->ssl, buffer, (int)wanted);
        if (got <= 0) return 0;
        moved += got;
        keep_to_rate(begun, moved);
    }
}

static int serve_film(Peer *peer, const char *method, const char *path) {
    long size = atol(path + 1), first = 0, last = size - 1;
    if (size <= 0) return answer(peer, "404 Not Found", "", "");
    const char *range = header(peer, "\r\nRange: bytes=");
    int partial = range && sscanf(range, "%ld-%ld", &first, &last) >= 1;
    if (last >= size) last = size - 1;
    char text[512], content_range[96] = "";
    if (partial) snprintf(content_range, sizeof content_range, "Content-Range: bytes %ld-%ld/%ld\r\n", first, last, size);
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 %s\r\nContent-Type: video/mp4\r\nETag: \"film-%ld\"\r\nAccept-Ranges: bytes\r\n%s"
                          "Content-Length: %ld\r\n\r\n",
                          partial ? "206 Partial Content" : "200 OK", size, content_range, last - first + 1);
    if (!put(peer, text, length)) return 0;
    if (!strcmp(method, "HEAD")) return 1;
    long begun = nanoseconds(), at = first;
    while (at <= last) {
        long offset = at % PATTERN, count = last + 1 - at;
        long step = rate ? STEP / 4 : STEP;
        if (count > step) count = step;
        if (count > PATTERN - offset) count = PATTERN - offset;
        if (!put(peer, pattern + offset, count)) return 0;
        at += count;
        keep_to_rate(begun, at - first);
    }
    return 1;
}

static int serve_bucket(Peer *peer, const char *method, char *target) {
    char *query = strchr(target, '?');
    if (query) *query++ = 0; else query = "";
    const char *slash = strchr(target + 1, '/');
    const char *key = slash && slash[1] ? slash + 1 : "";
    const char *length = header(peer, "\r\nContent-Length: ");
    const char *part = strstr(query, "partNumber=");
    char number[16] = "0", text[1024];
    if (part) snprintf(number, sizeof number, "%.*s", (int)strcspn(part + 11, "&"), part + 11);
    int is_put = !strcmp(method, "PUT");
    long size = length ? atol(length) : 0;
    long decoded = size;
    const char *plain = header(peer, "\r\nx-amz-decoded-content-length: ");
    if (plain) decoded = atol(plain);
    if (!discard(peer, size, is_put ? key : "-", number)) return 0;
    if (latency_ms) pause_until(nanoseconds() + latency_ms * 1000000L);
    if (is_put) {
        int in_parts = part != NULL;
        add_bytes(key, decoded, !part, &in_parts);
        char md5[33] = "part";
        if (!part) film_md5(decoded, md5);
        snprintf(text, sizeof text, "ETag: \"%s\"\r\n", md5);
        return answer(peer, "200 OK", text, "");
    }
    if (!strcmp(method, "POST") && strstr(query, "uploadId=")) {
        snprintf(text, sizeof text, "<CompleteMultipartUploadResult><Key>%s</Key><ETag>\"stored\"</ETag>"
                 "</CompleteMultipartUploadResult>", key);
        return answer(peer, "200 OK", "Content-Type: application/xml\r\n", text);
    }
    if (!strcmp(method, "POST")) {
        int in_parts = 1;
        add_bytes(key, 0, 1, &in_parts);
        snprintf(text, sizeof text, "<InitiateMultipartUploadResult><Bucket>films</Bucket><Key>%s</Key>"
                 "<UploadId>upload</UploadId></InitiateMultipartUploadResult>", key);
        return answer(peer, "200 OK", "Content-Type: application/xml\r\n", text);
    }
    if (!strcmp(method, "DELETE")) return answer(peer, "204 No Content", "", "");
    if (!strcmp(method, "HEAD") && *key) {
        int in_parts = 0;
        long stored = add_bytes(key, 0, 0, &in_parts);
        if (!stored) return put(peer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 45);
        char md5[33] = "stored";
        if (!in_parts) film_md5(stored, md5);
        int count = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nETag: \"%s\"\r\nContent-Type: video/mp4\r\n"
                             "Last-Modified: Sun, 01 Nov 2026 00:00:00 GMT\r\nContent-Length: %ld\r\n\r\n", md5, stored);
        return put(peer, text, count);
    }
    if (!strcmp(method, "HEAD")) return put(peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38);
    return answer(peer, "200 OK", "Content-Type: application/xml\r\n",
                  "<ListBucketResult><Name>films</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>"
                  "</ListBucketResult>");
}

typedef struct {
    int socket, is_sink;
} Accepted;

static void *serve(void *argument) {
    Accepted accepted = *(Accepted *)argument;
    free(argument);
    Peer *peer = calloc(1, sizeof *peer);
    peer->ssl = SSL_new(tls);
    SSL_set_fd(peer->ssl, accepted.socket);
    if (SSL_accept(peer->ssl) == 1)
        while (read_head(peer)) {
            char method[16], target[2048];
            if (sscanf(peer->head, "%15s %2047s", method, target) != 2) break;
            if (!(accepted.is_sink ? serve_bucket(peer, method, target) : serve_film(peer, method, target))) break;
        }
    SSL_free(peer->ssl);
    free(peer);
    close(accepted.socket);
    return NULL;
}

typedef struct {
    int port, is_sink;
} Place;

static void *listen_at(void *argument) {
    Place *place = argument;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)place->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) {
        perror("listen");
        exit(1);
    }
    for (;;) {
        Accepted *accepted = malloc(sizeof *accepted);
        accepted->socket = accept(listener, NULL, NULL);
        accepted->is_sink = place->is_sink;
        setsockopt(accepted->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pthread_t thread;
        pthread_create(&thread, NULL, serve, accepted);
        pthread_detach(thread);
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 7) {
        fputs("server SOURCE_PORT SINK_PORT CERTIFICATE KEY RATE LATENCY\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    rate = atol(arguments[5]);
    latency_ms = atol(arguments[6]);
    pattern = malloc(PATTERN);
    unsigned long state = 88172645463325252UL; /* xorshift: a film doesn't compress */
    for (long place = 0; place < PATTERN / 8; place++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((unsigned long *)pattern)[place] = state;
    }
    memcpy(pattern, "\0\0\0\x10" "ftypisom\0\0\0\0", 16); /* as an MP4 begins */
    tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_num_tickets(tls, 0);
    if (SSL_CTX_use_certificate_chain_file(tls, arguments[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, arguments[4], SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    static Place source, sink;
    source = (Place){atoi(arguments[1]), 0};
    sink = (Place){atoi(arguments[2]), 1};
    pthread_t thread;
    pthread_create(&thread, NULL, listen_at, &source);
    listen_at(&sink);
    return 0;
}
