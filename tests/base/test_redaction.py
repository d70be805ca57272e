import io
import json
import logging
import subprocess
import sys
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.entropy import base62, locator, random_bits
from tokenward.base.problems import CATALOGUE, Refusal
from tokenward.base.redaction import RedactingFormatter, redact, redact_userinfo

LOCATOR = locator(1_800_000_000_000)
TAIL = base62(random_bits(256), 43) + base62(random_bits(32), 6)
TOKEN = f"tkw_at_{LOCATOR}{TAIL}"
SECRET = base62(random_bits(256), 43)
JWT = f"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.{SECRET}"


@pytest.mark.parametrize(
    "around", ["{}", "got {} from", "token={}", "'{}'", "Authorization: Bearer {}", "/a?x={}&y"]
)
def test_an_opaque_token_keeps_its_locator_and_nothing_else(around):
    shown = redact(around.format(TOKEN))
    assert f"tkw_at_{LOCATOR}[…]" in shown
    assert TAIL[:6] not in shown
    assert TAIL[-6:] not in shown


def test_any_prefix_and_kind_and_a_token_cut_short_are_masked():
    for text in (f"acme_rt_{LOCATOR}{TAIL}", f"x_ak_{LOCATOR}{TAIL[:-20]}"):
        assert text[text.index(LOCATOR) + 11 :] not in redact(text)


def test_a_tail_that_looks_like_a_jwt_in_the_middle_is_masked_whole():
    tail = "abcdeyJ" + TAIL[7:]
    assert redact(f"tkw_at_{LOCATOR}{tail}") == f"tkw_at_{LOCATOR}[…]"


@pytest.mark.parametrize(
    "jwt",
    [
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.{}",
        "eyJhbGciOiJFUzI1NiJ9.{}.",
        "eyJhbGciOiJkaXIifQ..{}.{}.{}",
        "eyJhbGciOi_ab_{}-x.{}.{}",  # holds what begins like an opaque token
        "send_to_eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.{}.{}",
        "id%3DeyJhbGciOiJFUzI1NiJ9.{}.{}",
    ],
)
def test_a_jwt_is_masked_whole(jwt):
    shown = redact(f"<{jwt.format(SECRET, SECRET, SECRET)}>")
    assert "[…]" in shown
    assert SECRET not in shown
    assert shown.endswith("[…]>")


CARRIERS = [
    "Authorization: Bearer {}",
    "authorization:{}",
    "AUTHORIZATION: Basic {}",
    "Proxy-Authorization: Basic {}",
    "Cookie: a=b; session={}; c=d",
    "Set-Cookie: __Host-s={}; Secure",
    "x-api-key: {}",
    "DPoP: {}",
    "{{'authorization': 'Bearer {}', 'host': 'x'}}",
    '{{"Cookie": "a={}"}}',
    "[(b'host', b'x'), (b'authorization', b'Bearer {}')]",
    "[(b'cookie', b's={}')]",
    "sent Bearer {} to it",
    "sent DPoP {}",
    "client_secret={}&grant_type=client_credentials",
    "grant_type=authorization_code&code={}&code_verifier={}",
    "refresh_token={}",
    "?access_token={} HTTP/1.1",
    "token={}",
    "password={}",
    "password = {}",
    "password: {}",
    "passwd='{}'",
    "{{'password': '{}'}}",
    '{{"client_secret": "{}", "a": 1}}',
    '{{"code":"{}"}}',
    '"{{\\"refresh_token\\": \\"{}\\"}}"',
    "Grant(code='{}', client='c')",
    'password="a\\"b {}"',
    "password='a\\'b {}'",
    '{{"password": "a\\\\\\" {}"}}',
    '"{{\\"password\\": \\"a b {}\\"}}"',
    "client_assertion={}",
    "my_client_secret={}",
    "TOKENWARD_PASSWORD={}",
    "postgresql://tokenward:{}@127.0.0.1/db",
    "postgresql://tokenward:a@{}@127.0.0.1/db",
    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("secret", [SECRET, "p4ss"], ids=["long", "short"])
def test_a_value_is_masked_by_what_carries_it(carrier, secret):
    shown = redact(carrier.format(secret, secret))
    assert secret not in shown
    assert "[…]" in shown


def test_credentials_of_basic_without_a_digit_or_padding_are_masked():
    assert redact("got Basic dXNlcjpwYXNz from") == "got Basic […] from"


@pytest.mark.parametrize(
    "text",
    [
        "invalid_token: expired",
        "token_id=0123456789A client_id=weather grant_id=4",
        "error_code=insufficient_scope status_code=403",
        "GET /forecast?city=Bergen 200",
        "Basic authentication is refused",
        "the bearer of bad news",
        "http://127.0.0.1:8080/token",
        "listening on http://127.0.0.1:8080 and admin@example.test",
        "tokenward.base.redaction",
        "scope=accounts:read audience=https://bank.test",
    ],
)
def test_what_operators_need_to_read_stays(text):
    assert redact(text) == text


def test_the_code_and_detail_of_a_refusal_stay():
    for row in CATALOGUE.values():
        text = str(Refusal(row, "the reason why"))
        assert redact(text) == text


def test_the_rest_of_a_line_stays():
    assert redact(f"a=1&client_secret={SECRET}&b=2") == "a=1&client_secret=[…]&b=2"


@given(st.text())
def test_redacting_twice_changes_nothing_more(text):
    once = redact(text)
    assert redact(once) == once


@given(st.text(alphabet="eyJ_at.=:'\"\\ codetkn[]…", max_size=80))
def test_redacting_twice_changes_nothing_more_near_the_patterns(text):
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        *("eyJ", "eyJ.", "eyJaaaaaaaa.", "_at_", "_at_0", "aaa_at_", "a", " ", "[…]", "\\", "'", '"'),
        *("Bearer ", "Bearer a", "cookie", "cookie ", "secret", "secret ", "code=", "://", "://a:"),
        *("-----BEGIN ", "-----BEGIN PRIVATE KEY-----"),
    ],
)
def test_time_grows_with_the_length_and_not_with_its_square(piece):
    def seconds(length):
        text = (piece * (length // len(piece) + 1))[:length]
        start = time.process_time()
        redact(text)
        return time.process_time() - start

    # A quadratic pattern would need 4096 times as long, and minutes; a linear one 64 times, and moments.
    seconds(4_000)
    assert seconds(256_000) < 3


def record(message, *args, **more):
    return logging.LogRecord("tokenward.test", logging.INFO, __file__, 1, message, args, more.get("exc_info"))


def raised(error):
    try:
        raise error
    except type(error):
        return sys.exc_info()


@pytest.mark.parametrize("as_json", [False, True])
def test_arguments_and_exception_text_are_redacted(as_json):
    caught = raised(RuntimeError(f"lost {TOKEN}\npassword={SECRET}"))
    caught[1].__cause__ = ValueError(f"client_secret={SECRET}")
    shown = RedactingFormatter(json=as_json).format(
        record("%s and %r", JWT, {"token": SECRET}, exc_info=caught)
    )
    assert SECRET not in shown
    assert TAIL not in shown
    assert "RuntimeError" in shown
    assert "ValueError" in shown


def test_another_handler_finds_nothing_unredacted_left_on_the_record():
    entry = record("x", exc_info=raised(ValueError(f"token={SECRET}")))
    RedactingFormatter().format(entry)
    assert SECRET not in (entry.exc_text or "")


def test_text_and_json_say_the_same():
    entry = record("the %s", "message")
    entry.created = 1_800_000_000.25
    assert RedactingFormatter().format(entry) == (
        'time=2027-01-15T08:00:00.250+00:00 level=info logger=tokenward.test message="the message"'
    )
    assert json.loads(RedactingFormatter(json=True).format(entry)) == {
        "time": "2027-01-15T08:00:00.250+00:00",
        "level": "info",
        "logger": "tokenward.test",
        "message": "the message",
    }


@given(st.text())
def test_no_message_can_forge_a_second_record(text):
    for as_json in (False, True):
        assert len(RedactingFormatter(json=as_json).format(record("%s", text)).splitlines()) == 1


def test_no_exception_can_forge_a_record_or_steer_a_terminal():
    shown = RedactingFormatter().format(
        record("x", exc_info=raised(ValueError("a\ntime=1 level=info\x1b[2J")))
    )
    assert all(line.startswith("    ") for line in shown.splitlines()[1:])
    assert "\x1b" not in shown


def test_a_message_that_does_not_fit_its_arguments_shows_none_of_them():
    assert SECRET not in RedactingFormatter().format(record("%d", SECRET))


def test_a_traceback_is_whole():
    entry = record("x", exc_info=raised(KeyError("missing")))
    expected = traceback.format_exception(*entry.exc_info)[-1].strip()
    assert RedactingFormatter().format(entry).endswith(expected)


PROGRAM = """
import logging, sys, warnings
sneaky = logging.getLogger("uvicorn.access")
sneaky.addHandler(logging.StreamHandler(sys.stdout))
sneaky.propagate = False
from tokenward.base.redaction import configure_logging
configure_logging("debug")
sneaky.info("GET /x?access_token=%s", sys.argv[1])
logging.getLogger("httpx").info("not shown")
logging.getLogger("a").debug("shown")
warnings.warn("password=" + sys.argv[1])
"""


def test_configured_processes_write_redacted_lines_to_standard_error_only():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, SECRET], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == ""
    assert SECRET not in done.stderr
    assert "uvicorn.access" in done.stderr
    assert "logger=a message=shown" in done.stderr
    assert "not shown" not in done.stderr
    assert done.stderr.count("[…]") in {2, 3}  # from Python 3.13 on, a warning quotes its line, too


def test_an_unknown_level_is_an_error():
    program = "from tokenward.base.redaction import configure_logging; configure_logging('loud')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=30)
    assert b"ValueError" in done.stderr


def test_the_formatter_serves_an_ordinary_handler():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter())
    handler.emit(record("code=%s", SECRET))
    assert SECRET not in stream.getvalue()


@pytest.mark.parametrize(
    "address",
    [
        "https://ann:{}@as.example/x",
        "https://{}@as.example",
        "https://a:{}@b@as.example?x=1",
        "It says 'https://:{}@as.example', and http://x.",
    ],
)
def test_what_stands_before_the_host_of_an_address_is_masked_and_nothing_else(address):
    shown = redact_userinfo(address.format(SECRET))
    assert SECRET not in shown
    assert "://[…]@as.example" in shown
    plain = "https://as.example/a@b?token=x#c@d, code=1, ann@as.example"
    assert redact_userinfo(plain) == plain


def test_masking_addresses_takes_linear_time():
    started = time.process_time()
    redact_userinfo("://" + "a:" * 500_000 + "://" * 100_000)
    assert time.process_time() - started < 1
