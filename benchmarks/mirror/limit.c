/* What no mirror can go below: one thread, TLS in, sha256, TLS out, nothing else.

   limit SOURCE_PORT SINK_PORT BYTES KEY CERTIFICATES */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP (256 * 1024)

static SSL *dial(SSL_CTX *tls, int port) {
    int connected = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connected, (struct sockaddr *)&address, sizeof address)) exit(1);
    setsockopt(connected, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL *ssl = SSL_new(tls);
    SSL_set_fd(ssl, connected);
    SSL_set1_host(ssl, "localhost");
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    if (SSL_connect(ssl) != 1) exit(1);
    return ssl;
}

static void say(SSL *ssl, const char *text) {
    if (SSL_write(ssl, text, (int)strlen(text)) <= 0) exit(1);
}

/* Reads a head into `buffer`; how many bytes of the body came with it. */
static long hear(SSL *ssl, unsigned char *buffer, unsigned char **body) {
    long have = 0;
    for (;;) {
        int got = SSL_read(ssl, buffer + have, (int)(STEP - 1 - have));
        if (got <= 0) exit(1);
        have += got;
        buffer[have] = 0;
        char *end = strstr((char *)buffer, "\r\n\r\n");
        if (end) {
            *body = (unsigned char *)end + 4;
            return have - (*body - buffer);
        }
    }
}

int main(int count, char **arguments) {
    if (count != 6) return 2;
    long size = atol(arguments[3]), moved = 0;
    unsigned char *buffer = malloc(STEP), *body, digest[EVP_MAX_MD_SIZE];
    char text[1024];
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_load_verify_locations(tls, arguments[5], NULL) != 1) return 1;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);

    SSL *source = dial(tls, atoi(arguments[1])), *sink = dial(tls, atoi(arguments[2]));
    snprintf(text, sizeof text, "GET /%ld.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n", size);
    say(source, text);
    long got = hear(source, buffer, &body);
    snprintf(text, sizeof text, "PUT /films/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %ld\r\n\r\n", arguments[4],
             size);
    say(sink, text);
    for (;;) {
        if (got > 0) {
            EVP_DigestUpdate(hash, body, (size_t)got);
            if (SSL_write(sink, body, (int)got) <= 0) return 1;
            moved += got;
        }
        if (moved == size) break;
        body = buffer;
        got = 0; /* whole steps, as the mirror takes them */
        while (got < STEP && moved + got < size) {
            int more = SSL_read(source, buffer + got, (int)(STEP - got));
            if (more <= 0) return 1;
            got += more;
        }
    }
    hear(sink, buffer, &body);
    EVP_DigestFinal_ex(hash, digest, NULL);
    printf("%ld bytes, sha256 %02x%02x…\n", moved, digest[0], digest[1]);
    return 0;
}
