"""What is encoded is found, at the place of its encoded form, and ordinary text costs next to nothing."""

import base64
import gzip
import os
import tracemalloc

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from leaks.encodings import ENCODINGS, b64, joined
from leaks.seeing import OWNERS, texts, woken
from tokenward.leaks.blob import Blob
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders import bytes_as_numbers, escapes, literals
from tokenward.leaks.unpacking.decoders import decoder as decoder_module
from tokenward.leaks.unpacking.decoding import DECODERS, DEPTH, allowance
from tokenward.leaks.unpacking.views import views
from tokenward.tokens import opaque

SECRET = opaque.new("at").secret.reveal().encode()


def found(data: bytes, secret: bytes = SECRET) -> list[tuple[int, int]]:
    """Where the secret stands in what is decoded."""
    return [
        text.position(text.data.index(secret))
        for text in texts(Text(data, "a.txt"))
        if secret in text.data and text.decoded
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_is_found_under_its_encoding(encoding: str):
    data = ENCODINGS[encoding](SECRET)
    assert SECRET not in data
    assert found(data)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_is_found_at_the_line_of_its_encoded_form_in_the_midst_of_others(encoding: str):
    before = b"first\nsecond " + "zwölf".encode() + b"\n" * 40
    data = ENCODINGS[encoding](SECRET)
    whole = before + data + b"\nafter\n" * 50
    if b"\0" in data:
        assert found(whole) == [(0, 0)]
        return
    lines = range(42, 43 + data.count(b"\n"))
    places = found(whole)
    assert places
    assert all(line in lines for line, _ in places)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_is_found_wherever_the_first_trigger_stood(encoding: str):
    data = ENCODINGS[encoding](SECRET)
    # Of RE2's set nobody knows where a match ended.
    starts = woken(data)
    once = [
        text for decoder in DECODERS if decoder.name in starts for text in decoder.undo(Text(data, "a"), 0)
    ]
    assert once
    # Two of a kind: the second one, which no trigger's first match is near, is found as well.
    other = opaque.new("at").secret.reveal().encode()
    assert found(ENCODINGS[encoding](other) + b"\n\n; x = 1\n\n" + data)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_is_found_in_a_file_that_is_no_utf_8(encoding: str):
    other = "größer".encode("latin-1")
    data = ENCODINGS[encoding](b"x " + other + b" " + SECRET if encoding == "array" else SECRET)
    assert found(other + b"\n" + other + b": " + data + b"\n" + other)


def test_a_joined_secret_is_found_at_its_first_character():
    assert found(joined(b'line\n  x = "%s" + "%s"', SECRET)) == [(2, 8)]


def test_what_is_encoded_is_named():
    names = {text.decoded for text in texts(Text(b"x: " + b64(b64(gzip.compress(SECRET))), "a"))}
    assert ("base64", "base64", "gzip") in names


def test_the_name_of_a_value_comes_with_it():
    password = base64.b64encode(b"correct horse battery staple")
    (text,) = list(texts(Text(b"db_password = '" + password + b"'", "a")))[1:]
    assert text.data == b"db_password = 'correct horse battery staple\n"
    (text,) = list(texts(Text(b"kind: Secret\ndata:\n  pass: c3dvcmRmaXNo\n", "a")))[1:]
    assert text.data == b"pass: swordfish\n"


def test_what_follows_a_value_does_not_become_part_of_it():
    line = b64(b"some text before it, " + SECRET)
    for following in (b"\nusername: admin", b"\n  nextLineOfTheFile = 5", b"\n\nabcd", b" abcd"):
        assert any(text.data.endswith(SECRET + b"\n") for text in texts(Text(b"x: " + line + following, "a")))


def test_encodings_end_at_a_depth():
    data = SECRET
    for _ in range(DEPTH + 1):
        data = b64(data)
    assert not found(data)
    assert found(base64.b64decode(data))


@pytest.mark.parametrize(
    "data",
    [
        b"def camelCaseNamesAreLongSometimes(some_argument: int, another/path/to/something) -> None:\n" * 50,
        b"commit 3f786850e387550fdab836ed7e6dc881de23001b\nsha256 "
        + b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4" * 3,
        b'printf("%20s %3d %5.2f%%\\n", 3);\n\tfoo("bar " + x);\n\tlog("a sentence "\n\t    "goes on");\n',
        b"<p>a &lt; b &amp;&amp; c &nbsp;</p>\n",
        b'{"a": [1, 2, 3], "b": "c\\nd"}\n',
        b"x = [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000]\n",
        b"2026-11-27T11:40:00Z GET /a?b=c&d=e 200 12345678901234567890\n",
    ],
)
def test_ordinary_text_wakes_nobody(data: bytes):
    assert woken(data) == {}


def test_a_picture_in_base64_wakes_nobody():
    picture = b"\x89PNG\r\n\x1a\n" + bytes(
        (at * at * 31 + at * 7919 + (at >> 3) * 163) % 256 for at in range(100_000)
    )
    assert "base64" not in woken(b'<img src="data:image/png;base64,' + b64(picture) + b'">')


def test_a_bomb_in_base64_ends_at_the_allowance():
    bomb = b64(gzip.compress(bytes(30_000_000) + SECRET))
    data = b"\n".join([b"x: " + bomb] * 20)
    for decoder in DECODERS:
        made = sum(len(text.data) for text in decoder.undo(Text(data, "a"), 0))
        assert made <= allowance(len(data)) + len(data)


def test_a_line_of_megabytes_is_decoded_in_parts():
    filler = b"function(a){return a+1};" * 40_000
    data = filler + b'x="' + SECRET.replace(b"_", rb"\u005f") + b'";' + filler
    decoded = [text for text in texts(Text(data, "a.js")) if text.decoded]
    assert any(SECRET in text.data for text in decoded)
    assert sum(len(text.data) for text in decoded) < 10_000
    line, column = found(data)[0]
    assert (line, abs(column - len(filler)) < 5000) == (1, True)


@given(st.sampled_from([decoder.name for decoder in DECODERS]), st.binary(max_size=200), st.integers(0, 200))
def test_whatever_it_is_given_a_decoder_yields_texts_whose_places_are_in_the_parent(
    name: str, data: bytes, start: int
):
    decoder = next(decoder for decoder in DECODERS if decoder.name == name)
    for sample in (
        data,
        data + ENCODINGS["base64"](SECRET) + data,
        data + ENCODINGS["unicode"](SECRET) + data,
    ):
        text = Text(sample, "a")
        for inner in decoder.undo(text, min(start, len(sample))):
            assert inner.parent is text
            for offset in (0, len(inner.data) // 2, max(len(inner.data) - 1, 0)):
                assert 0 <= inner.origin(offset) <= len(sample)


def test_triggers_are_of_the_syntax_that_both_engines_share():
    for trigger, _ in OWNERS:
        re2.compile(trigger.encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_text_in_other_encodings_is_seen_with_its_lines(encoding: str):
    data = ("erste Zeile: größer\r\nzweite\n" + SECRET.decode()).encode(encoding)
    (text,) = views(Blob("a", data))
    assert SECRET in text.data
    assert text.position(text.data.index(SECRET)) == (3, 1)
    assert text.decoded == {"utf-8-sig": ()}.get(encoding, (encoding[:6],))


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"a\0b\0"])
def test_what_only_begins_like_another_encoding_is_seen_as_it_is(mark: bytes):
    data = mark + b"\0\xd8\xd8\0" + SECRET + b"x" * (len(SECRET) % 2)
    assert Text(data, "a") in list(views(Blob("a", data)))


def test_ordinary_bytes_are_one_view():
    for data in (b"", b"x", b"\0", b"text" * 100, os.urandom(100) + b"\0"):
        assert [text.data for text in views(Blob("a", data))] == [data]


FULL_OF = {
    "percent encoding": b"%41",
    "hex escapes": rb"\x41",
    "octal escapes": rb"\101",
    "unicode escapes": rb"\u0041",
    "entities": b"&#65;",
    "string in a string": rb"\":\"",
    "hex": b"41",
    "list of hex numbers": b"0x41,",
    "list of character codes": b"65,",
    "joined literals": b'"ab"+',
    "joined arrays": b'"a",',
    "base64": b"QUJD",
    "quoted-printable": b"=3DA\n",
}


@pytest.mark.parametrize("name", FULL_OF)
def test_what_is_full_of_an_encoding_is_undone_in_bounded_memory(name, monkeypatch):
    monkeypatch.setattr(escapes, "_AT_ONCE", 4096)
    monkeypatch.setattr(bytes_as_numbers, "_AT_ONCE", 4096)
    monkeypatch.setattr(literals, "_LONGEST_CHAIN", 500)
    monkeypatch.setattr(decoder_module, "_MOST_PIECES", 500)
    unit, size = FULL_OF[name], 1_000_000 if name in {each.name for each in escapes.DECODERS} else 150_000
    text = Text(b"[" + unit * (size // len(unit)) + b"65].join('')\n", "a.txt")
    decoder = next(each for each in DECODERS if each.name == name)
    next(decoder.undo(text, 0))  # what is made once
    tracemalloc.start()
    made = sum(len(inner.data) for inner in decoder.undo(text, 0))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made > size // len(unit) // 2
    assert peak < 7 * size  # an object for each escape would be 15 to 80 times the size


@pytest.mark.parametrize(
    ("form", "between"), [("65,", ","), ("0x%02x", ","), ("0x%02X", " "), ("0X%02x", "', '")]
)
def test_a_secret_in_a_long_list_is_found_wherever_it_stands(form, between, monkeypatch):
    monkeypatch.setattr(bytes_as_numbers, "_AT_ONCE", 40)
    form = "%d" if form == "65," else form
    told = "[" + between.join(form % byte for byte in b"a word and " + SECRET + b" in a list") + "]"
    assert found(told.encode())
