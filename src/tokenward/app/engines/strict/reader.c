#include "reader.h"

enum state {
    PREFACE,        /* the first bytes of a connection that may speak HTTP/2 */
    START,          /* before a request line; empty lines may stand there (RFC 9112 §2.2) */
    START_LF,
    METHOD,         /* one space behind it, and one behind the target (RFC 9112 §3) */
    TARGET,
    VERSION,
    VERSION_LF,
    STATUS,         /* of an answer: Envoy writes those lines, we do not judge them */
    STATUS_LF,
    LINE,           /* the first byte of a header or of the line that ends the head */
    NAME,
    VALUE,          /* of a header that frames nothing */
    VALUE_LF,
    BEFORE_NUMBER,  /* Content-Length */
    NUMBER,
    BEFORE_WORD,    /* Transfer-Encoding, Upgrade */
    WORD,
    AFTER,          /* white space behind a number or a word */
    HEAD_LF,
    BODY,
    SIZE,           /* of a chunk (RFC 9112 §7.1) */
    SIZE_SPACE,
    EXTENSION,
    SIZE_LF,
    CHUNK,
    CHUNK_CR,
    CHUNK_LF,
    TRAILER,        /* the first byte of a trailer or of the line that ends them */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
};

enum field { LENGTH, ENCODING, UPGRADE, FIELDS, OTHER = FIELDS };

static const char *const NAMES[FIELDS] = {"content-length", "transfer-encoding", "upgrade"};
static const char *const WORDS[FIELDS] = {0, "chunked", "websocket"};
static const char PREFACE_BYTES[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#define PREFACE_LENGTH 24
#define DIGITS 15 /* no number that counts bytes overflows: 10^15 and 16^15 are below 2^63 */
#define VERSION_11 0x485454502f312e31u /* HTTP/1.1 */
#define VERSION_10 0x485454502f312e30u
#define HEAD 0x48454144u
#define ENDLESS UINT64_MAX
#define MINOR_0 0x80 /* in `seen` */

/* RFC 9110 §5.6.2: a name consists of these. One bit each, 32 a word. */
static const uint32_t TOKEN[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

static int is_token(uint8_t byte) {
    return TOKEN[byte >> 5] >> (byte & 31) & 1;
}

static int is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

static uint8_t lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static int digit(uint8_t byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte = lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

void begin(struct reader *reader, int http2) {
    *reader = (struct reader){.state = http2 ? PREFACE : START};
}

void begin_answer(struct reader *reader, int bodiless) {
    *reader = (struct reader){.state = STATUS, .answers = 1, .bodiless = bodiless != 0};
}

static void start(struct reader *reader) {
    reader->state = reader->answers ? STATUS : START;
    reader->left = 0;
    reader->seen = reader->place = 0;
    reader->status = 0;
}

struct step skip(struct reader *reader, uint32_t length) {
    if (reader->state != BODY && reader->state != CHUNK) return (struct step){MORE, 0};
    uint32_t used = reader->left < length ? (uint32_t)reader->left : length;
    reader->left -= used;
    if (reader->left) return (struct step){MORE, used};
    if (reader->state == CHUNK) {
        reader->state = CHUNK_CR;
        return (struct step){MORE, used};
    }
    start(reader);
    return (struct step){MESSAGE, used};
}

static enum verdict name(struct reader *reader, uint8_t byte) {
    if (byte != ':') {
        if (!is_token(byte)) return WRONG;
        byte = lower(byte);
        /* All bits are gone after a byte or two, mostly, and `place` stays within the longest of the names. */
        for (int it = 0; reader->candidates >> it; it++)
            if (reader->candidates >> it & 1 && NAMES[it][reader->place] != byte) reader->candidates ^= 1 << it;
        reader->place += reader->candidates != 0;
        return MORE;
    }
    reader->field = OTHER;
    for (int it = 0; it < FIELDS; it++)
        if (reader->candidates >> it & 1 && !NAMES[it][reader->place]) reader->field = it;
    reader->place = 0;
    reader->state = VALUE;
    if (reader->field == OTHER) return MORE;
    /* Two of them are two readings of one message (RFC 9112 §6.3). */
    if (reader->field != UPGRADE && reader->seen & (1 << LENGTH | 1 << ENCODING)) return WRONG;
    reader->seen |= 1 << reader->field;
    reader->state = reader->field == LENGTH ? BEFORE_NUMBER : BEFORE_WORD;
    return MORE;
}

static enum verdict word(struct reader *reader, uint8_t byte) {
    const char *expected = WORDS[reader->field];
    if (expected[reader->place] && lower(byte) == expected[reader->place]) {
        reader->place++;
        return MORE;
    }
    if (!expected[reader->place] && (byte == '\r' || is_space(byte))) {
        reader->websocket |= reader->field == UPGRADE;
        reader->state = byte == '\r' ? VALUE_LF : AFTER;
        return MORE;
    }
    if (reader->field == ENCODING) return WRONG; /* RFC 9112 §6.1: anything but chunked */
    reader->state = byte == '\r' ? VALUE_LF : VALUE;
    return byte == '\n' ? WRONG : MORE;
}

static enum verdict head_ends(struct reader *reader) {
    if (reader->answers) {
        if (reader->status == 101) return SWITCH;
        if (reader->status < 200) { /* RFC 9110 §15.2: another one follows */
            start(reader);
            return MORE;
        }
        if (reader->bodiless || reader->status == 204 || reader->status == 304) {
            start(reader);
            return MESSAGE;
        }
        /* RFC 9112 §6.3: until Envoy closes. */
        if (!(reader->seen & (1 << LENGTH | 1 << ENCODING))) reader->left = ENDLESS;
    } else if (reader->websocket && (reader->left || reader->seen & 1 << ENCODING)) {
        return WRONG; /* Envoy would take off its framing, and hand on what is in it as a WebSocket's */
    }
    if (reader->seen & 1 << ENCODING) {
        if (reader->seen & MINOR_0) return WRONG; /* RFC 9112 §6.1 */
        reader->left = reader->place = 0;
        reader->state = SIZE;
        return MORE;
    }
    if (reader->left) {
        reader->state = BODY;
        return MORE;
    }
    start(reader);
    return MESSAGE;
}

/* What a byte is good for in the state in which it comes. */
static enum verdict next(struct reader *reader, uint8_t byte) {
    int value;
    switch ((enum state)reader->state) {
    case PREFACE:
    case BODY:
    case CHUNK:
        return WRONG; /* never come here */
    case START:
        reader->websocket = reader->bodiless = reader->place = 0;
        reader->last = byte;
        reader->state = byte == '\r' ? START_LF : METHOD;
        return is_token(byte) || byte == '\r' ? MORE : WRONG;
    case START_LF:
        reader->state = START;
        return byte == '\n' ? MORE : WRONG;
    case METHOD:
        if (byte == ' ') {
            reader->bodiless = reader->last == HEAD;
            reader->state = TARGET;
            return MORE;
        }
        reader->last = reader->last << 8 | byte;
        return is_token(byte) ? MORE : WRONG;
    case TARGET:
        if (byte > ' ') {
            reader->place = 1;
            return MORE;
        }
        if (byte != ' ' || !reader->place) return WRONG;
        reader->last = reader->place = 0;
        reader->state = VERSION;
        return MORE;
    case VERSION:
        if (byte == '\r') {
            reader->state = VERSION_LF;
            return MORE;
        }
        reader->last = reader->last << 8 | byte;
        return byte == '\n' || ++reader->place > 8 ? WRONG : MORE;
    case VERSION_LF:
        if (byte != '\n' || (reader->last != VERSION_11 && reader->last != VERSION_10)) return WRONG;
        if (reader->last == VERSION_10) reader->seen = MINOR_0;
        reader->state = LINE;
        return MORE;
    case STATUS:
        if (byte == '\r') reader->state = STATUS_LF;
        if (reader->place < 12 && ++reader->place > 9) reader->status = reader->status * 10 + (byte - '0');
        return MORE;
    case STATUS_LF:
        reader->state = LINE;
        return byte == '\n' ? MORE : WRONG;
    case LINE:
        if (byte == '\r') {
            reader->state = HEAD_LF;
            return MORE;
        }
        reader->state = NAME;
        reader->candidates = (1 << FIELDS) - 1;
        reader->place = 0;
        return byte == ':' ? WRONG : name(reader, byte);
    case NAME:
        return name(reader, byte);
    case VALUE:
        if (byte == '\r') reader->state = VALUE_LF;
        return byte == '\n' ? WRONG : MORE;
    case BEFORE_NUMBER:
        if (is_space(byte)) return MORE;
        reader->state = NUMBER;
        reader->left = 0;
        [[fallthrough]];
    case NUMBER:
        value = digit(byte);
        if (value >= 0 && value < 10) {
            reader->left = reader->left * 10 + value;
            return ++reader->place > DIGITS ? WRONG : MORE;
        }
        if (!reader->place || (byte != '\r' && !is_space(byte))) return WRONG;
        reader->state = byte == '\r' ? VALUE_LF : AFTER;
        return MORE;
    case BEFORE_WORD:
        if (is_space(byte)) return MORE;
        reader->state = WORD;
        [[fallthrough]];
    case WORD:
        return word(reader, byte);
    case AFTER:
        if (is_space(byte)) return MORE;
        if (reader->field == UPGRADE && byte != '\r') {
            reader->websocket = 0; /* that, and something else */
            reader->state = VALUE;
            return byte == '\n' ? WRONG : MORE;
        }
        reader->state = VALUE_LF;
        return byte == '\r' ? MORE : WRONG;
    case VALUE_LF:
        reader->state = LINE;
        return byte == '\n' ? MORE : WRONG;
    case HEAD_LF:
        return byte == '\n' ? head_ends(reader) : WRONG;
    case SIZE:
        value = digit(byte);
        if (value >= 0) {
            reader->left = reader->left << 4 | value;
            return ++reader->place > DIGITS ? WRONG : MORE;
        }
        reader->state = byte == '\r' ? SIZE_LF : byte == ';' ? EXTENSION : SIZE_SPACE;
        return reader->place && (byte == '\r' || byte == ';' || is_space(byte)) ? MORE : WRONG;
    case SIZE_SPACE:
        if (byte == ';') reader->state = EXTENSION;
        return byte == ';' || is_space(byte) ? MORE : WRONG;
    case EXTENSION:
        if (byte == '\r') reader->state = SIZE_LF;
        return byte == '\n' ? WRONG : MORE;
    case SIZE_LF:
        reader->state = reader->left ? CHUNK : TRAILER;
        return byte == '\n' ? MORE : WRONG;
    case CHUNK_CR:
        reader->state = CHUNK_LF;
        return byte == '\r' ? MORE : WRONG;
    case CHUNK_LF:
        reader->state = SIZE;
        reader->place = 0;
        return byte == '\n' ? MORE : WRONG;
    case TRAILER:
        reader->state = byte == '\r' ? END_LF : TRAILER_NAME;
        return byte == '\r' || is_token(byte) ? MORE : WRONG;
    case TRAILER_NAME:
        if (byte == ':') reader->state = TRAILER_VALUE;
        return byte == ':' || is_token(byte) ? MORE : WRONG;
    case TRAILER_VALUE:
        if (byte == '\r') reader->state = TRAILER_LF;
        return byte == '\n' ? WRONG : MORE;
    case TRAILER_LF:
        reader->state = TRAILER;
        return byte == '\n' ? MORE : WRONG;
    case END_LF:
        if (byte != '\n') return WRONG;
        start(reader);
        return MESSAGE;
    }
    return WRONG;
}

struct step read(struct reader *reader, const uint8_t *bytes, uint32_t length) {
    uint32_t used = 0;
    if (reader->state == PREFACE) {
        while (used < length && bytes[used] == PREFACE_BYTES[reader->preface]) {
            used++;
            if (++reader->preface == PREFACE_LENGTH) return (struct step){SWITCH, used};
        }
        if (used == length) return (struct step){MORE, used};
        /* It was the beginning of something else: as far as it was a request, read it as one. */
        reader->state = START;
        for (uint8_t it = 0; it < reader->preface; it++)
            if (next(reader, PREFACE_BYTES[it]) != MORE) return (struct step){WRONG, used};
    }
    while (used < length && reader->state != BODY && reader->state != CHUNK) {
        if (reader->state == VALUE) /* most of a head */
            while (used < length && bytes[used] != '\r' && bytes[used] != '\n') used++;
        if (used == length) break;
        enum verdict verdict = next(reader, bytes[used]);
        if (verdict == WRONG) return (struct step){WRONG, used};
        used++;
        if (verdict != MORE) return (struct step){verdict, used};
    }
    return (struct step){MORE, used};
}
