"""The filter before Envoy's HTTP/1, as it is shipped, against a second reading of the same bytes."""

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.strict_host import Host
from engines.strict_oracle import requests
from engines.test_envoy_strict import WRONG as WRONG_BEHIND_ENVOY

HOST = Host()
WRONG = b"\r\0\r\n\r\n"


CHUNKED_ANSWER = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"30\r\n\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n\0\0\0\0\0\0\r\n0\r\n\r\n"
)
ANSWERS = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 204 No Content\r\nx-a: content-length: 9\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n" + CHUNKED_ANSWER,
)
HEAD_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Client:
    """A connection. Envoy uses what it gets up to the end of a request, and goes on when that is answered."""

    def __init__(self, host=HOST):
        self.host = host
        self.id = host.connection()
        self.buffer = bytearray()
        self.passed = b""  # what Envoy used
        self.answered = 0
        self.refused = False
        self._unsaid = b""
        self._answers = itertools.cycle(ANSWERS)

    def close(self):
        self.host.gone(self.id)

    def sends(self, data):
        if not self.refused:
            self.buffer += data
            self.reads()

    def reads(self):
        assert self.host.sees(self.id, self.buffer) or self.host.closed
        self.refused = self.host.closed
        if not self.refused and not self.waits:
            self._uses()

    @property
    def waits(self):
        return len(requests(self.passed)[0]) > self.answered

    def _uses(self):
        everything = self.passed + bytes(self.buffer)
        ends, right = requests(everything)
        if len(ends) > self.answered:
            end = ends[self.answered]
            self.passed, rest = everything[:end], everything[end:]
            assert not rest.strip(b"\0") or rest == WRONG, "bytes that nobody read are left to Envoy"
            self.buffer = bytearray(rest)
            return
        self.passed, self.buffer = everything, bytearray()
        if not right:
            assert everything.endswith(WRONG)
            self.passed, self.refused = everything.removesuffix(WRONG), True

    def is_answered(self, share=1.0):
        """Envoy writes so much of what is left of an answer; then it looks at what it left in the buffer."""
        if not self.waits:
            return
        if not self._unsaid:
            head = self.passed[([0, *requests(self.passed)[0]])[self.answered] :].lstrip(b"\r\n")
            self._unsaid = HEAD_ANSWER if head.startswith(b"HEAD ") else next(self._answers)
        length = max(1, round(len(self._unsaid) * share))
        self.host.answers(self.id, self._unsaid[:length])
        self._unsaid = self._unsaid[length:]
        self.host.answers(self.id, b"")
        if not self._unsaid:
            self.answered += 1
            if self.buffer:
                self.reads()


def _sent(pieces, *, host=HOST):
    """A client that was sent these; between them, a share of an answer may be written."""
    client = Client(host)
    for piece in pieces:
        if isinstance(piece, float):
            client.is_answered(piece)
        else:
            client.sends(piece)
    while client.waits and not client.refused:
        client.is_answered()
    client.close()
    return client


NAMES = st.sampled_from(
    [b"a", b"host", b"Content-Lengt", b"content-lengths", b"Transfer-Encodin", b"upgrade", b"x!"]
)
# Hypothesis takes words from the tests. No request follows a WebSocket: those have tests of their own.
TEXT = (
    st.binary(max_size=12)
    .map(lambda it: it.translate(None, b"\r\n"))
    .filter(lambda it: it.strip(b" \t").lower() != b"websocket")
)
FIELDS = st.lists(st.tuples(NAMES, TEXT).map(lambda it: it[0] + b": " + it[1] + b"\r\n"), max_size=4)
BODY = st.sampled_from([b"", b"\n", b"a\n b\r\n\r\nGET / HTTP/1.1\n\n", b"\0", bytes(range(256))])
SPACE = st.sampled_from([b"", b" ", b"\t  "])


@st.composite
def heads(draw, *framing):
    lines = draw(st.permutations([*draw(FIELDS), *framing]))
    method = draw(st.sampled_from([b"GET", b"HEAD", b"AHEAD", b"HEADS"]))
    target = draw(st.sampled_from([b"/", b"/a\xff\x7f", b"*", b"http://a/"]))
    return (
        draw(st.sampled_from([b"", b"\r\n"]))
        + method
        + b" "
        + target
        + b" HTTP/1.1\r\n"
        + b"".join(lines)
        + b"\r\n"
    )


@st.composite
def counted(draw):
    body = draw(BODY)
    name = draw(st.sampled_from([b"content-length", b"Content-LENGTH"]))
    line = name + b":" + draw(SPACE) + b"%d" % len(body) + draw(SPACE) + b"\r\n"
    return draw(heads(line)) + body


@st.composite
def chunked(draw):
    line = (
        b"transfer-encoding:"
        + draw(SPACE)
        + draw(st.sampled_from([b"chunked", b"Chunked"]))
        + draw(SPACE)
        + b"\r\n"
    )
    told = draw(heads(line))
    for body in draw(st.lists(BODY.filter(bool), max_size=3)):
        extension = draw(st.sampled_from([b"", b";", b" ;a=b", b';a="\0 c"']))
        told += b"%x" % len(body) + extension + b"\r\n" + body + b"\r\n"
    return (
        told + b"0" + draw(st.sampled_from([b"", b"00", b";z"])) + b"\r\n" + b"".join(draw(FIELDS)) + b"\r\n"
    )


STREAMS = st.lists(st.one_of(heads(), counted(), chunked()), min_size=1, max_size=4).map(b"".join)


@st.composite
def cut(draw, streams):
    whole = draw(streams)
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True) if a != b]
    for _ in range(draw(st.integers(0, 6))):
        pieces.insert(draw(st.integers(0, len(pieces))), draw(st.sampled_from([0.0, 0.4, 1.0])))
    return pieces


def _bytes(pieces):
    return b"".join(it for it in pieces if isinstance(it, bytes))


@st.composite
def spoilt(draw):
    whole = bytearray(draw(STREAMS))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(whole)))
        whole[at : at + draw(st.integers(0, 2))] = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"\n\n", b" ", b"\t", b":", b"0", b"\0", b"\r\n "])
        )
    return bytes(whole)


@settings(max_examples=300, deadline=None)
@given(cut(STREAMS))
def test_what_is_right_goes_on_byte_by_byte_however_it_is_cut(pieces):
    whole = _bytes(pieces)
    ends, right = requests(whole)
    assert right
    assert ends[-1:] == [len(whole)]
    client = _sent(pieces)
    assert (client.passed, client.refused) == (whole, False)


@settings(max_examples=500, deadline=None)
@given(cut(spoilt()))
@example([b"GET / HTTP/1.1\r\ncontent-length: 1\r\n content-length: 2\r\n\r\n"])
@example([b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na"])
@example([b"GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"])
@example([b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1000000000000000\r\n"])
@example([b"GET / HTTP/1.1\r\ncontent-length: 1000000000000000\r\n\r\n"])
def test_what_is_wrong_is_refused_at_the_byte_where_it_is(pieces):
    whole = _bytes(pieces)
    ends, right = requests(whole)
    client = _sent(pieces)
    assert client.refused is not right
    assert whole.startswith(client.passed)
    assert requests(client.passed) == (ends, True)
    if right:
        assert client.passed == whole


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_each_kind_of_answer_ends_where_it_ends_and_the_next_request_is_read(share):
    methods = [b"GET", b"HEAD", b"HEAD", b"AHEAD", b"HEADS", b"GET", b"HEAD", b"GET", b"GET"]
    whole = b"".join(it + b" / HTTP/1.1\r\n\r\n" for it in methods)
    client = _sent([whole, *[share] * 99])
    assert (client.passed, client.answered, client.refused) == (whole, len(methods), False)


def test_no_request_follows_an_answer_that_ends_with_the_connection():
    client, head = HOST.connection(), b"GET / HTTP/1.1\r\n\r\n"
    assert HOST.sees(client, bytearray(head))
    HOST.answers(client, b"HTTP/1.0 200 OK\r\n\r\n" + ANSWERS[0])
    buffer = bytearray(head)
    HOST.sees(client, buffer)
    assert buffer == bytes(len(head))
    HOST.gone(client)


def _seen(client, piece):
    buffer = bytearray(piece)
    HOST.sees(client, buffer)
    return "closed" if HOST.closed else bytes(buffer)


def test_an_answer_before_the_end_of_its_request_is_no_answer_to_the_next_one():
    client, head = HOST.connection(), b"GET / HTTP/1.1\r\n\r\n"
    _seen(client, b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n")
    HOST.answers(client, ANSWERS[0])
    assert _seen(client, b"{}") == b"{}"
    assert _seen(client, head) == head
    assert _seen(client, head) == bytes(len(head))
    HOST.gone(client)


def test_no_request_follows_an_answer_that_nobody_can_read():
    client, head = HOST.connection(), b"GET / HTTP/1.1\r\n\r\n"
    _seen(client, head)
    HOST.answers(client, b"HTTP/1.1 200 OK\r\n\0: a\r\n\r\n")
    assert _seen(client, head) == "closed"
    HOST.gone(client)


@pytest.mark.parametrize("left", [bytes(17), b"G" * 18])
def test_what_is_held_goes_where_it_was_taken_from_or_nowhere(left):
    client, head = HOST.connection(), b"GET / HTTP/1.1\r\n\r\n"
    assert _seen(client, head + head) == head + bytes(len(head))
    HOST.answers(client, ANSWERS[0])
    assert _seen(client, left) == "closed"
    HOST.gone(client)


LENGTH = b"POST / HTTP/1.1\r\ncontent-length:%s\r\n\r\n{}"
REQUEST_LINES = (
    *(b"\t/ HTTP/1.1", b"  / HTTP/1.1", b" / \tHTTP/1.1", b" /\tHTTP/1.1", b" /  HTTP/1.1"),
    *(b" /a b HTTP/1.1", b" /\0 HTTP/1.1", b" HTTP/1.1", b" / xHTTP/1.1", b" / HTTP/1.1 ", b"@ / HTTP/1.1"),
    *(b" / http/1.1", b" / HTTP/1.2", b" / HTTP/1.", b" / ", b" /", b" /\n HTTP/1.1", b" / \nHTTP/1.1"),
)
CHUNKS = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n%s0\r\n\r\n"


@pytest.mark.parametrize(
    "whole",
    [
        *(raw for name, raw in WRONG_BEHIND_ENVOY.items() if name != "HTTP/2 without TLS"),
        *(b"HEAD" + it + b"\r\n\r\n" for it in REQUEST_LINES),
        *(it + b"GET / HTTP/1.1\r\n\r\n" for it in (b"\r", b"\r\r\n", b"\r\n\r")),
        *(LENGTH % it for it in (b"", b" ", b" 2x", b" x2", b" 2 2", b" 2,", b" 0x2", b" 2\0")),
        *(CHUNKS % it for it in (b"\r\n", b"x\r\n", b";a\r\n{}\r\n", b"2x\r\n{}\r\n", b"2 a\r\n{}\r\n")),
        *(
            CHUNKS % it
            for it in (b"2\rx{}\r\n", b"2;a\rx{}\r\n", b"2\r\n{}x\n", b"2\r\n{}\rx", b"2\r\n{}\n\n")
        ),
        *(
            b"GET / HTTP/1.1\r\n" + it + b"\r\n\r\n"
            for it in (b"a", b"a b: c", b":", b"a : b", b"\0: a", b"a\r: b")
        ),
        *(
            b"GET / HTTP/1.1\r\nupgrade:" + it + b"\nx: y\r\n\r\n"
            for it in (b"", b" w", b" websocket", b" websocket ", b" websocket x")
        ),
        *(
            CHUNKS[:-2] % b"" + it + b"\r\n\r\n"
            for it in (b"a", b"a b: c", b":", b"a : b", b"a: b\rc", b"\rx")
        ),
    ],
)
def test_each_thing_that_is_wrong_is_refused_at_its_byte_wherever_it_is_cut(whole):
    assert not requests(whole)[1]
    for at in range(len(whole)):
        client = _sent([whole[:at], whole[at:]])
        assert client.refused
        assert requests(client.passed) == (requests(whole)[0], True)
        assert not requests(whole[: len(client.passed) + 1])[1]


def test_a_body_of_known_length_is_never_looked_at():
    client = Client()
    before = HOST.fetched
    head = b"POST / HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n"
    client.sends(head)
    for _ in range(10):
        client.sends(b"\n" * 100_000)
    assert HOST.fetched - before == len(head)
    assert requests(client.passed)[0] == [len(head) + 1_000_000]
    client.close()


def test_what_connections_leave_behind_is_used_again():
    def storm():
        clients = [Client() for _ in range(300)]
        for client in clients:
            client.sends(b"GET / HTTP/1.1\r\n\r\n" * 3)
        for client in clients:
            client.close()

    storm()
    before = HOST.pages
    for _ in range(3):
        storm()
    assert HOST.pages == before


def test_what_is_held_for_all_has_a_bound():
    host = Host()
    head = b"GET / HTTP/1.1\r\n\r\n"
    clients = [Client(host) for _ in range(300)]
    for client in clients:
        client.sends(head + head)
    assert sum(client.buffer == bytes(len(head)) for client in clients) == 128
    assert sum(client.buffer == WRONG for client in clients) == 172
    for client in clients:
        assert client.passed == head
        client.is_answered()
        assert client.passed in {head, head + head}
        client.close()


@pytest.mark.parametrize("size", [196_608, 196_609])
def test_what_is_held_for_one_has_a_bound(size):
    head = b"POST / HTTP/1.1\r\ncontent-length: 999999\r\n\r\n"
    client = Client()
    client.sends(b"GET / HTTP/1.1\r\n\r\n" + head.ljust(size, b"\n"))
    client.is_answered()
    assert client.refused is (size > 196_608)
    client.close()


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.mark.parametrize("at", range(len(PREFACE)))
def test_only_the_whole_preface_is_http2(at):
    host = Host(http2=True)
    client = host.connection()
    anything = b"\n \r\0"
    for piece in (PREFACE[:at], PREFACE[at:], anything):
        buffer = bytearray(piece)
        assert not piece or host.sees(client, buffer)
        assert buffer == piece
    client = host.connection()
    buffer = bytearray(PREFACE[:at] + b"\n")
    host.sees(client, buffer)
    is_right = PREFACE[at : at + 1] == b"\n"
    assert buffer == PREFACE[:at] + (b"\n" if is_right else WRONG)
    buffer = bytearray(PREFACE)
    HOST.sees(HOST.connection(), buffer)
    assert buffer == PREFACE[:15] + WRONG


def test_where_http2_is_spoken_http1_is_as_strict():
    host = Host(http2=True)
    for head in (b"P / HTTP/1.1\r\n\r\n", b"PRI * HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        for pieces in ([head], [head[:1], head[1:]], [head[:9], head[9:]]):
            client = _sent(pieces, host=host)
            assert (client.passed, client.refused) == (head, False)
            client = _sent([*pieces, PREFACE], host=host)
            assert (client.passed, client.refused) == (head + PREFACE[:15], True)


HANDSHAKE = b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: %s\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"
FRAME = b"\x81\n\n\n GET\r\r"


def _after(upgrade, *answers):
    """What becomes of a frame that comes when Envoy has written these answers to a handshake."""
    client = HOST.connection()
    buffer = bytearray(HANDSHAKE % upgrade)
    assert HOST.sees(client, buffer)
    assert buffer == HANDSHAKE % upgrade
    for answer in answers:
        HOST.answers(client, answer)
    buffer = bytearray(FRAME)
    HOST.sees(client, buffer)
    HOST.gone(client)
    return (
        "closed"
        if HOST.closed
        else {FRAME: "passed", bytes(len(FRAME)): "kept"}.get(bytes(buffer), "refused")
    )


@pytest.mark.parametrize(
    ("upgrade", "answers", "becomes"),
    [
        (b"websocket", [], "closed"),
        (b"WebSocket  ", [SWITCHING], "passed"),
        (b"websocket", [b"HTTP/1.1 103 Early Hints\r\n\r\n"], "closed"),
        (b"websocket", [b"HTTP/1.1 103 Early Hints\r\n\r\n", SWITCHING], "passed"),
        (b"websocket", [ANSWERS[0]], "refused"),
        (b"websocket", [ANSWERS[0][:-1]], "closed"),
        (b"websocket", [ANSWERS[0], SWITCHING], "closed"),
        (b"websocket", [ANSWERS[0][:-2], SWITCHING], "refused"),
        (b"other", [SWITCHING], "closed"),
        (b"websockets", [SWITCHING], "closed"),
        (b"websocket, other", [SWITCHING], "closed"),
        (b"websocket other", [SWITCHING], "closed"),
        (b"h2c", [SWITCHING], "closed"),
        (b"h2c", [], "kept"),
    ],
)
def test_a_websocket_is_one_when_envoy_has_said_so(upgrade, answers, becomes):
    assert _after(upgrade, *answers) == becomes


def test_what_comes_with_a_handshake_is_refused_with_it():
    buffer = bytearray(HANDSHAKE % b"websocket" + FRAME)
    client = HOST.connection()
    assert HOST.sees(client, buffer)
    assert buffer == (HANDSHAKE % b"websocket")[:-1] + WRONG
    assert not HOST.sees(client, bytearray(b"GET / HTTP/1.1\r\n\r\n"))
    assert HOST.closed
