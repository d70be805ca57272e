"""What was written against its reader: bounded, told, and never shown."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.inspected import CLAIMS, HEADER, SIGNATURE, b64, few_secrets, inspected, raw, token, told
from tokenward.auditor.inspection import lenient, moments
from tokenward.auditor.inspection.explaining import MOST_ENTRIES, MOST_VALUE
from tokenward.auditor.inspection.inspecting import Means, inspect
from tokenward.auditor.inspection.reading import MAX_INPUT, NothingToInspect, read
from tokenward.base.clock import ManualClock


@pytest.fixture(autouse=True, scope="module")
def _few_secrets():
    with few_secrets():
        yield


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (DEEP, "deeper than 64 levels"),
        (b"[" * 500_000, "do not match"),
        (b'{"a":[' + b"1," * 30_000 + b"1]}", "more than 20,000 values"),
        (b'{"a":' + b"9" * 500_000 + b"}", "an integer of 500,000 digits"),
        (b'{"a":-' + b"9" * 41 + b"}", "an integer of 42 digits"),
        (b'{"a":1e400}', "a number out of range"),
        (b"\xff" * 100_000, "no JSON"),
        (b"", "no JSON"),
        (b"null", "no object"),
        (b'{"a":1}{"b":2}', "no JSON"),
        ('{"a":1}'.encode("utf-16"), "no JSON"),
    ],
)
def test_json_against_its_reader(payload, why):
    assert why in told(inspected(raw(HEADER, payload)))
    assert inspected(raw(payload, CLAIMS)).sections


def test_a_megabyte_is_read_and_ten_are_refused():
    text = token(claims={"x": "y" * 700_000})
    assert "700,000 characters" in told(inspected(text))
    with pytest.raises(NothingToInspect):
        read(b"eyJ" + b"A" * 10_000_000)
    assert inspected("." * (MAX_INPUT - 1)).sections
    assert inspected("a." * 100_000).sections


@pytest.mark.parametrize(
    "text",
    [
        "a=" + " " * 500_000 + "=",
        "set " * 100_000,
        "a=b " * 100_000,
        "curl -u a:b " + "'a'" * 150_000,
        "Cookie: " + "sid=abcdefghijklmnopqrst; " * 20_000,
        token({"kid": "'" * 500_000}),
        token(claims={"Aa" * 200_000 + "Pin": 1}),
        token(claims={"scope": "a:" * 200_000}),
        token({"alg": "HS256"}, {"x": "y" * 500_000}, signature=bytes(31) + b"1"),
    ],
    ids=range(9),
)
def test_what_would_take_minutes_if_it_were_read_carelessly(text):
    assert inspected(text).sections


def test_values_are_cut_and_claims_counted():
    text = told(inspected(token(claims={f"c{number}": "v" * 1_000 for number in range(300)})))
    assert "v" * MOST_VALUE in text
    assert "v" * (MOST_VALUE + 1) not in text
    assert f"and {300 + len(CLAIMS) - MOST_ENTRIES} more" in text


@pytest.mark.parametrize(
    "number", [10**30, -1, 10**11, 253_402_214_400, 1e308, -1e308, 0, 0.5, True, "1", None, [], {}]
)
@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "auth_time", "updated_at"])
def test_every_date_is_told(name, number):
    assert inspected(token(claims={name: number})).sections


def test_a_bomb_in_an_encrypted_token_is_not_inflated():
    bomb = zlib.compress(b"\0" * 100_000_000)[2:-4]
    text = ".".join(
        [b64({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}), "", b64(bytes(12)), b64(bomb), b64(bytes(16))]
    )
    assert "It was not opened" in told(inspected(text))


def test_neither_signature_nor_opaque_secret_is_told():
    text = token()
    shown = told(inspected(text))
    assert text not in shown
    assert b64(SIGNATURE) not in shown
    secret = "an-opaque-secret-of-somebody-0123456789"
    assert secret not in told(inspected(f"X-Api-Key: {secret}"))


def test_a_credential_is_masked_wherever_it_stands():
    secret = token(claims={"sub": "inner"})
    password = "correct-horse-battery-9"
    hostile = token(
        {"kid": f"../{secret}", "jku": f"https://x.example.com/{secret}"},
        {
            "password": password,
            "note": f"password is {secret}",
            "aud": [secret, "b"],
            "scope": f"admin {secret}",
            secret: 1,
            "list": [{"deep": secret}],
        },
    )
    text = told(inspected(hostile))
    assert secret not in text
    assert secret.rpartition(".")[2] not in text
    assert password not in text


@given(st.binary(max_size=300))
def test_no_octets_raise_anything_else(data):
    try:
        result = inspect(read(data), "input", Means(clock=ManualClock()))
    except NothingToInspect:
        return
    told(result)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ["alg", "typ", "kid", "jku", "x5u", "jwk", "x5c", "crit", "b64", "zip", "p2c", "enc", "cty", "iss", "aud",
     "sub", "exp", "iat", "nbf", "scope", "cnf", "act", "amr", "email", "events", "htm", "htu", "ath",
     "password"]
)  # fmt: skip
_ALG = st.sampled_from(["ES256", "HS256", "none", "RS256", "PBES2-HS256+A128KW", "dir", "EdDSA", ""])


@given(
    st.dictionaries(_NAMES, _JSON, max_size=6),
    st.dictionaries(_NAMES, _JSON, max_size=6),
    _ALG,
    st.binary(max_size=70),
)
def test_no_header_and_no_claims_raise(header, claims, alg, signature):
    parts = [json.dumps(part).encode() for part in ({"alg": alg} | header, claims)]
    told(inspected(".".join([*map(b64, parts), b64(signature)])))
    told(inspected(".".join([*map(b64, parts), "", "", ""])))


@given(st.text(max_size=60))
def test_no_command_raises(text):
    try:
        read(f"curl {text}".encode("utf-8", "replace"))
    except NothingToInspect:
        return


@given(st.binary(max_size=60))
def test_a_reading_is_what_python_reads_or_none(data):
    document = lenient.read(data)
    if not document.why and not document.odd:
        assert document.value == json.loads(data)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"), (1, "1 second"), (59.6, "1 minute"), (90, "1 minute 30 seconds"),
        (900, "15 minutes"),
        (5400, "1 hour 30 minutes"), (86_400, "1 day"), (86_460, "1 day"), (90_000, "1 day 1 hour"),
        (400 * 86_400, "1 year 35 days"),
    ],
)  # fmt: skip
def test_durations_in_words(seconds, words):
    assert moments.duration(seconds) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (1000, "now"),
        (1240, "in 4 minutes"),
        (1299, "in 4 minutes"),
        (760, "4 minutes ago"),
        (1000 + 3 * 86_400, "in 3 days"),
    ],
)
def test_distances_in_words(moment, words):
    assert moments.distance(moment, 1000) == words
