/* HTTP/1 as strictly as RFC 9112 lets a server be: lines, and where messages end. It reads requests, and what Envoy
 * answers, to know when it has. No I/O, no memory. */

#ifndef READER_H
#define READER_H

#include <stdint.h>

enum verdict {
    MORE,    /* every byte is right so far */
    MESSAGE, /* a request or an answer ends with the last byte that was used */
    WRONG,   /* the byte behind those that were used is wrong: nothing after it means anything */
    SWITCH,  /* what follows is no HTTP/1: a whole preface of HTTP/2 (RFC 9113 §3.4), or an answer of 101 */
};

struct step {
    enum verdict verdict;
    uint32_t used;
};

struct reader {
    uint64_t left;       /* bytes of the body or chunk that are to come, or the number being read */
    uint64_t last;       /* the last eight bytes of the method, then of the version */
    uint16_t status;     /* of an answer */
    uint8_t state;
    uint8_t field;       /* what the header is that is being read */
    uint8_t candidates;  /* the headers, as bits, that it may still become */
    uint8_t place;       /* within a target, a version, a name, a number or a word */
    uint8_t preface;     /* bytes of the preface of HTTP/2 that the connection began with */
    uint8_t seen;        /* headers of this head that frame it, as bits */
    uint8_t websocket;   /* this head asks for a WebSocket */
    uint8_t bodiless;    /* this head asks for an answer without a body; or is an answer to such a one */
    uint8_t answers;     /* it reads answers */
};

/* A connection that has not said anything. Whether it may speak HTTP/2 is for the caller to know. */
void begin(struct reader *reader, int http2);

/* The answer to a request: `bodiless` where that was a HEAD. */
void begin_answer(struct reader *reader, int bodiless);

/* Bytes to come that mean nothing, at most `length` of them: nobody has to look at these. */
struct step skip(struct reader *reader, uint32_t length);

/* Read bytes, up to the end of a message or of the bytes, or to what `skip` skips. */
struct step read(struct reader *reader, const uint8_t *bytes, uint32_t length);

#endif
