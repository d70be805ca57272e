/* A network filter of Envoy (Proxy-Wasm ABI 0.2.1) that stands before its HTTP connection manager, behind TLS.
 *
 * The connection manager takes lines that end in LF alone and folded headers, and no switch makes it refuse
 * them. So what is wrong is replaced here by what it does refuse, and its own 400 is the answer.
 *
 * The buffer holds what the connection manager did not use. It uses all that it is given of a request, and
 * nothing of the next one before the first is answered; it would then be shown here again. So what comes
 * meanwhile is kept here, and NULs stand in its place, as many, so that the buffer is as full as it was.
 * Should the connection manager ever read on without asking here, as it does behind a request that it refuses
 * by itself, it finds that, and refuses it: nothing passes that was not read. When a request is answered, the
 * answers tell. */

#include "reader.h"

#define IMPORT(name) __attribute__((import_module("env"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name), used))

#define DOWNSTREAM 2 /* a buffer, and a stream */
#define UPSTREAM 3
#define PAGE 65536
#define PIECE 4096
#define HELD (3 * PAGE) /* Envoy reads 128 KiB at once at most, while it has less than the 64 KiB of its limit */
#define HELD_BLOCKS 128 /* of one worker of Envoy */
#define SCRATCH (8 * PAGE)
#define BUCKETS 4096

enum action { CONTINUE, STOP };

IMPORT("proxy_get_buffer_bytes")
uint32_t proxy_get_buffer_bytes(uint32_t type, uint32_t from, uint32_t length, uint8_t **data, uint32_t *got);
IMPORT("proxy_set_buffer_bytes")
uint32_t proxy_set_buffer_bytes(uint32_t type, uint32_t from, uint32_t length, const uint8_t *data, uint32_t size);
IMPORT("proxy_close_stream")
uint32_t proxy_close_stream(uint32_t stream);

struct block {
    union {
        struct block *next; /* while it is free */
        uint8_t bytes[HELD];
    };
};

struct connection {
    struct connection *next;
    struct block *held; /* bytes behind a request that is not answered yet */
    uint32_t length;    /* of those */
    uint32_t id;
    struct reader requests, answer;
    uint8_t blind;    /* HTTP/2, or a WebSocket: Envoy reads no HTTP/1 here any more */
    uint8_t waits;    /* a whole request has no whole answer yet */
    uint8_t answered; /* a request has its answer, and is not whole yet */
    uint8_t refused;
};

static struct connection *buckets[BUCKETS], *spare;
static struct block *free_blocks;
static uint32_t blocks;
static int http2;
static uint8_t scratch[SCRATCH];

/* Where the host puts what it was asked for: used up before it is asked again. */
EXPORT("malloc") uint8_t *allocate(uint32_t size) { return size <= SCRATCH - 8 ? scratch : 0; }
EXPORT("proxy_abi_version_0_2_1") void version(void) {}

/* Configured at all, the filter stands where HTTP/2 is spoken, too. */
EXPORT("proxy_on_vm_start") uint32_t starts(uint32_t context, uint32_t size) {
    (void)context;
    http2 = size > 0;
    return 1;
}

static void *grown(uint32_t pages) {
    uint32_t before = __builtin_wasm_memory_grow(0, pages);
    return before == UINT32_MAX ? 0 : (void *)(before * PAGE);
}

static struct connection **place(uint32_t id) {
    struct connection **it = &buckets[id % BUCKETS];
    while (*it && (*it)->id != id) it = &(*it)->next;
    return it;
}

EXPORT("proxy_on_context_create") void opens(uint32_t id, uint32_t parent) {
    if (!parent) return; /* the filter itself */
    if (!spare) {
        struct connection *all = grown(1);
        if (!all) __builtin_trap(); /* Envoy refuses the connection */
        for (uint32_t it = 0; it < PAGE / sizeof *all; it++) {
            all[it].next = spare;
            spare = &all[it];
        }
    }
    struct connection *connection = spare, **bucket = &buckets[id % BUCKETS];
    spare = connection->next;
    *connection = (struct connection){.next = *bucket, .id = id};
    begin(&connection->requests, http2);
    begin_answer(&connection->answer, 0);
    *bucket = connection;
}

static void release(struct connection *connection) {
    if (!connection->held) return;
    connection->held->next = free_blocks;
    free_blocks = connection->held;
    connection->held = 0;
}

EXPORT("proxy_on_delete") void closes(uint32_t id) {
    struct connection **at = place(id), *connection = *at;
    if (!connection) return;
    release(connection);
    *at = connection->next;
    connection->next = spare;
    spare = connection;
}

/* `length` bytes of a buffer, in the scratch, or none. */
static int fetch(uint32_t buffer, uint32_t from, uint32_t length) {
    uint8_t *data = 0;
    uint32_t got = 0;
    return !proxy_get_buffer_bytes(buffer, from, length, &data, &got) && data == scratch && got == length;
}

static void replace(uint32_t size, uint32_t by) {
    proxy_set_buffer_bytes(DOWNSTREAM, 0, size, scratch, by);
}

static enum action hang_up(struct connection *connection, uint32_t size) {
    connection->refused = 1;
    replace(size, 0);
    proxy_close_stream(DOWNSTREAM);
    return STOP;
}

/* The first `right` bytes of the buffer, and then something that Envoy refuses wherever it stands. */
static enum action refuse(struct connection *connection, uint32_t right, uint32_t size) {
    static const uint8_t wrong[] = {'\r', 0, '\r', '\n', '\r', '\n'};
    if (right && !fetch(DOWNSTREAM, 0, right)) return hang_up(connection, size);
    __builtin_memcpy(scratch + right, wrong, sizeof wrong);
    connection->refused = 1;
    replace(size, right + sizeof wrong);
    return CONTINUE;
}

/* The first `right` bytes are the end of a request, or nothing: what follows has to wait. */
static enum action hold(struct connection *connection, uint32_t right, uint32_t size) {
    uint32_t length = size - right;
    struct block *block = free_blocks;
    if (block)
        free_blocks = block->next;
    else if (blocks < HELD_BLOCKS && (block = grown(sizeof *block / PAGE)))
        blocks++;
    connection->held = block;
    if (!block || length > HELD || !fetch(DOWNSTREAM, 0, size)) return refuse(connection, right, size);
    connection->length = length;
    __builtin_memcpy(block->bytes, scratch + right, length);
    __builtin_memset(scratch + right, 0, length);
    replace(size, size);
    return CONTINUE;
}

/* Put what was held where the NULs are. */
static int resume(struct connection *connection, uint32_t size) {
    if (size < connection->length || !fetch(DOWNSTREAM, 0, size) || scratch[0]) return 0;
    __builtin_memcpy(scratch, connection->held->bytes, connection->length);
    release(connection);
    replace(size, size);
    return 1;
}

/* Go on reading at a byte of a buffer; nothing used and nothing wrong: the host failed. */
static struct step look(struct reader *reader, uint32_t buffer, uint32_t at, uint32_t size) {
    struct step step = skip(reader, size - at);
    if (step.used) return step;
    uint32_t length = size - at < PIECE ? size - at : PIECE;
    return fetch(buffer, at, length) ? read(reader, scratch, length) : step;
}

EXPORT("proxy_on_downstream_data") uint32_t reads(uint32_t id, uint32_t size, uint32_t end) {
    (void)end;
    struct connection *connection = *place(id);
    if (!connection) __builtin_trap(); /* Envoy closes it */
    if (connection->blind || !size) return CONTINUE;
    /* Refused, and Envoy did not close; or a client that did not wait until there is a WebSocket (RFC 6455 §4.1). */
    if (connection->refused || (connection->waits && connection->requests.websocket)) return hang_up(connection, size);
    if (connection->held && !resume(connection, size)) return hang_up(connection, size);
    if (connection->waits) return hold(connection, 0, size);
    for (uint32_t at = 0; at < size;) {
        struct step step = look(&connection->requests, DOWNSTREAM, at, size);
        at += step.used;
        switch (step.verdict) {
        case MORE:
            if (!step.used) return hang_up(connection, size);
            break;
        case SWITCH:
            connection->blind = 1;
            return CONTINUE;
        case WRONG:
            return refuse(connection, at, size);
        case MESSAGE:
            if (connection->requests.websocket && at < size) return refuse(connection, at - 1, size);
            connection->waits = !connection->answered;
            connection->answered = 0;
            if (at < size) return hold(connection, at, size);
        }
    }
    return CONTINUE;
}

EXPORT("proxy_on_upstream_data") uint32_t answers(uint32_t id, uint32_t size, uint32_t end) {
    (void)end;
    struct connection *connection = *place(id);
    if (!connection) __builtin_trap();
    connection->answer.bodiless = connection->requests.bodiless;
    for (uint32_t at = 0; at < size && !connection->blind && !connection->refused;) {
        struct step step = look(&connection->answer, UPSTREAM, at, size);
        at += step.used;
        if (step.verdict == SWITCH) connection->blind = connection->waits && connection->requests.websocket;
        /* Not as Envoy writes answers: nobody knows where this one ends, and no request may follow. */
        connection->refused = !connection->blind && (step.verdict == SWITCH || step.verdict == WRONG || !step.used);
        if (step.verdict != MESSAGE) continue;
        connection->answered = !connection->waits;
        connection->waits = 0;
    }
    return CONTINUE;
}
