"""How a probe behaves: what it learns, how fast it goes, and when it stops."""

import gzip
import socket
import threading
import time
import tracemalloc
from contextlib import contextmanager, suppress
from email.utils import formatdate

import pytest

from targets import raw
from targets.probed import found, probed
from targets.serving import REFUSED, Response, api, running
from tokenward.auditor.attacks import ON_ACCESS_TOKENS, Kit
from tokenward.auditor.probing import tokens
from tokenward.auditor.probing.asked import Asked, Watcher
from tokenward.auditor.probing.firing import Gun, Trial
from tokenward.auditor.probing.likeness import Likeness, Verdict
from tokenward.auditor.probing.pace import Pace, Stopped
from tokenward.auditor.probing.probe import probe
from tokenward.auditor.probing.refusals import complaints
from tokenward.auditor.probing.wire import (
    MOST_BYTES,
    MOST_TOKEN,
    Answer,
    CannotProbe,
    NoAnswer,
    Shot,
    Uncarriable,
    Wire,
    carried,
)
from tokenward.base.clock import SYSTEM_CLOCK, ManualClock
from tokenward.base.secret import Secret
from tokenward.tokens.algorithms import ALGORITHMS
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey


def answer(body, status=200, media="application/json", **fields):
    named = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return Answer(status, (("content-type", media), *named), body.encode())


def of(good, bad, asked):
    return Likeness.learn([good, good], [bad]).verdict(asked)


OK, NO = answer('{"status":"ok","data":[1]}'), answer('{"status":"error","data":[1]}')
PAGE, LOGIN = (
    answer("<p>Your three accounts and what they hold</p>", media="text/html"),
    answer("<form>Who are you? Name, password</form>", media="text/html"),
)


@pytest.mark.parametrize(
    ("good", "bad", "asked", "verdict"),
    [
        (OK, answer("{}", 401), OK, Verdict.ACCEPTED),
        (OK, answer("{}", 401), answer("{}", 403), Verdict.REFUSED),
        (OK, answer("{}", 401), answer("", 302), Verdict.REFUSED),
        (OK, answer("{}", 401), answer("", 500), Verdict.REFUSED),
        (OK, answer("{}", 401), answer("", 204), Verdict.UNCLEAR),
        (OK, answer("{}", 401), answer('{"status":"ok","data":[2,3]}'), Verdict.ACCEPTED),
        (OK, answer("{}", 401), answer('{"error":"no"}'), Verdict.UNCLEAR),
        (OK, NO, NO, Verdict.REFUSED),
        (OK, NO, answer('{"status":"error","data":[2]}'), Verdict.REFUSED),
        (OK, NO, answer('{"status":"error","why":"expired"}'), Verdict.REFUSED),
        (OK, NO, answer('{"status":"fine","why":"expired"}'), Verdict.UNCLEAR),
        (OK, NO, OK, Verdict.ACCEPTED),
        (OK, answer('{"error":"no"}'), answer('{"error":"bad"}'), Verdict.REFUSED),
        (PAGE, LOGIN, PAGE, Verdict.ACCEPTED),
        (PAGE, LOGIN, LOGIN, Verdict.REFUSED),
        (PAGE, LOGIN, answer("lorem ipsum dolor", media="text/html"), Verdict.UNCLEAR),
        (PAGE, answer("{}", 401), answer('{"a":1}'), Verdict.UNCLEAR),
    ],
)
def test_what_an_answer_looks_like_is_what_it_is_taken_for(good, bad, asked, verdict):
    assert of(good, bad, asked) is verdict


@pytest.mark.parametrize("bad", [OK, answer('{"status":"ok","data":[1],"more":1}')])
def test_answers_that_look_alike_tell_nothing(bad):
    with pytest.raises(CannotProbe, match="open to everybody"):
        Likeness.learn([OK, OK], [bad])


def test_what_changes_from_one_good_answer_to_the_next_tells_nothing():
    good = [answer('{"status":"ok","at":1}'), answer('{"status":"ok","at":2}')]
    likeness = Likeness.learn(good, [answer('{"status":"no","at":3}')])
    assert set(likeness.telling) == {"$.status"}


CHALLENGE = {"www_authenticate": 'Bearer error="invalid_token"'}


@pytest.mark.parametrize(
    ("refusal", "malformed", "expected"),
    [
        (answer("", 401, **CHALLENGE), False, set()),
        (answer("", 401), False, {"no-challenge"}),
        (answer("", 400), False, {"wrong-status"}),
        (answer("", 400), True, set()),
        (answer("", 400, www_authenticate='Bearer error="invalid_request"'), False, set()),
        (answer("", 403), False, {"wrong-status"}),
        (answer("", 404), True, {"wrong-status"}),
        (answer("", 431), False, set()),
        (answer("", 302), False, {"redirect"}),
        (answer("", 500), False, {"server-error"}),
        (answer("", 503), False, set()),
        (answer('File "/a/b.py", line 3', 401, **CHALLENGE), False, {"stack-trace"}),
        (answer("at com.acme.Auth(Auth.java:3)", 401, **CHALLENGE), False, {"stack-trace"}),
        (answer("JsonWebTokenError: jwt malformed", 401, **CHALLENGE), False, {"library-named"}),
        (answer("", 401, www_authenticate="Bearer IDX10503: no key"), False, {"library-named"}),
        (answer("Expected HMAC abc", 401, **CHALLENGE), False, {"expected-value"}),
        (answer(f"no: {'t' * 30}", 401, **CHALLENGE), False, {"token-echoed"}),
    ],
)
def test_how_well_it_was_refused(refusal, malformed, expected):
    told = complaints(refusal, malformed=malformed, soft=False, token="t" * 30)
    assert {check.removeprefix("probe.") for check, _ in told} == expected


@pytest.mark.parametrize("token", [None, "", " a", "a ", "a\r\nX: y", "a\0", "a" * (MOST_TOKEN + 1)])
def test_what_a_header_field_cannot_hold_is_not_sent(token):
    with pytest.raises(Uncarriable):
        carried(token)


def test_what_it_can_hold_is_sent_as_it_is():
    assert carried("\ud800é") == b"\xed\xa0\x80\xc3\xa9"


class Script:
    """A wire whose answers are written down."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    def send(self, shot):
        self.sent.append(shot)
        now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(now, Exception):
            raise now
        return now


def gun(*answers, rate=10.0, limit=600.0):
    clock = ManualClock()
    pace = Pace(clock, clock.advance, rate=rate, limit=limit)
    base = Shot("GET", "http://127.0.0.1/")
    return Gun(Script(*answers), pace, good=lambda: base.bearing("good"), bad=lambda: [base]), clock


GOOD, BAD = answer('{"a":1}'), answer("{}", 401, **CHALLENGE)
AIMED = (BAD, GOOD, BAD, GOOD, GOOD)


def trials(number):
    return [
        Trial("probe.base64", str(each), lambda: Shot("GET", "http://127.0.0.1/x")) for each in range(number)
    ]


def test_it_keeps_to_its_rate():
    it, clock = gun(GOOD, rate=4)
    began = clock.monotonic()
    for _ in range(9):
        it.send(Shot("GET", "http://127.0.0.1/"))
    assert clock.monotonic() - began == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("busy", "seconds"),
    [
        (answer("", 429, retry_after="7"), 7.0),
        (answer("", 429), 1.0),
        (answer("", 429, retry_after=formatdate(ManualClock().time() + 9, usegmt=True)), 9.0),
        (answer("", 503, retry_after="3"), 3.0),
    ],
)
def test_a_busy_target_is_left_alone_for_as_long_as_it_asks(busy, seconds):
    it, clock = gun(busy, GOOD, rate=1e9)
    began = clock.time()
    assert it.send(Shot("GET", "http://127.0.0.1/")) is GOOD
    assert clock.time() - began == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(
    ("busy", "told"),
    [(answer("", 429, retry_after="3600"), "left alone for 3600 s"), (answer("", 429), "stays busy")],
)
def test_one_that_asks_for_too_much_or_stays_busy_ends_the_probe(busy, told):
    it, _ = gun(busy, limit=1e6)
    with pytest.raises(Stopped, match=told):
        it.send(Shot("GET", "http://127.0.0.1/"))


def test_when_the_time_is_up_nothing_is_sent_any_more():
    it, _ = gun(GOOD, rate=1, limit=5)
    for _ in range(5):
        it.send(Shot("GET", "http://127.0.0.1/"))
    it.send(Shot("GET", "http://127.0.0.1/"))
    with pytest.raises(Stopped, match="time is up"):
        it.send(Shot("GET", "http://127.0.0.1/"))


def test_a_control_comes_every_so_often_and_last():
    it, _ = gun(*AIMED, GOOD)
    it.aim()
    assert len(list(it.fire(trials(30)))) == 30
    bears = [bool(shot.fields) for shot in it._wire.sent[5:]]
    assert bears == [False] * 25 + [True] + [False] * 5 + [True]


def test_what_was_answered_before_a_control_that_fails_does_not_count():
    it, _ = gun(*AIMED, *[BAD] * 25, GOOD, BAD)
    it.aim()
    outcomes = it.fire(trials(30))
    assert len([next(outcomes) for _ in range(25)]) == 25
    with pytest.raises(Stopped, match="last 5 answers say nothing"):
        next(outcomes)


def test_one_control_that_fails_is_asked_again():
    it, _ = gun(*AIMED, BAD, BAD, GOOD)
    it.aim()
    assert [each.verdict for each in it.fire(trials(1))] == [Verdict.REFUSED]


def test_a_burst_of_faults_is_followed_by_a_control():
    it, _ = gun(*AIMED, answer("", 500), answer("", 500), answer("", 500), BAD)
    it.aim()
    with pytest.raises(Stopped, match="last 3 answers"):
        list(it.fire(trials(20)))


def test_what_is_unclear_or_unanswered_is_tried_once_more():
    it, _ = gun(*AIMED, answer('{"b":2}'), NoAnswer("broke"), GOOD, BAD, BAD)
    it.aim()
    assert [(each.verdict, each.complaints) for each in it.fire(trials(2))] == [(Verdict.REFUSED, ())] * 2


def test_what_breaks_the_connection_twice_is_told():
    it, _ = gun(*AIMED, NoAnswer("broke"), GOOD, NoAnswer("broke"))
    it.aim()
    assert [each.complaints for each in it.fire(trials(1))] == [(("probe.unstable", "broke"),)]


def test_a_slow_refusal_counts_if_it_is_slow_twice():
    slow = Answer(401, BAD.fields, b"{}", 3.0)
    it, _ = gun(*AIMED, slow, slow, GOOD, slow, BAD)
    it.aim()
    assert [bool(each.complaints) for each in it.fire(trials(2))] == [True, False]


def test_a_good_answer_that_looks_otherwise_later_is_learnt():
    first, later = answer('{"day":"monday","a":1}'), answer('{"day":"tuesday","a":1}')
    refusal = answer('{"day":"sunday","b":1}')
    it, _ = gun(refusal, first, refusal, first, first, BAD, later, BAD)
    it.aim()
    assert it.likeness.telling == {"$.day": '"monday"'}
    assert list(it.fire(trials(1)))
    assert it.likeness.verdict(later) is Verdict.ACCEPTED


def test_a_good_token_that_is_refused_tells_nothing():
    it, _ = gun(BAD)
    with pytest.raises(CannotProbe, match=r"not accepted.*401.*invalid_token"):
        it.aim()


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(tokens, "ON_ACCESS_TOKENS", ON_ACCESS_TOKENS[::20])


def test_no_redirect_is_followed():
    asked = []

    def target(request):
        asked.append(request.path)
        return Response(302, "", {"Location": "/elsewhere"})

    with running(target) as url:
        assert Wire(SYSTEM_CLOCK, timeout=5).send(Shot("GET", url)).status == 302
    assert asked == ["/accounts"]


def test_an_answer_without_an_end_is_read_to_a_bound():
    with running(lambda _: Response(200, "x" * 1_000_000)) as url:
        assert len(Wire(SYSTEM_CLOCK, timeout=5).send(Shot("GET", url)).body) == MOST_BYTES


def test_a_target_that_is_not_there_is_no_result():
    with running(raw.open_to_all(raw.Trust())) as url:
        pass
    with pytest.raises(CannotProbe, match="cannot be reached"):
        probe(Asked(url, token=Secret("x" * 30)))


def test_ctrl_c_keeps_what_was_found(few):
    class Impatient(Watcher):
        def __init__(self, trust):
            self.trust, self.left = trust, 40

        def listens(self, issuer):
            self.trust.url = issuer

        def fired(self):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    trust = raw.Trust()
    with running(raw.any_scheme(trust)) as url:
        asked = Asked(url, audience=raw.AUDIENCE, test_issuer=("127.0.0.1", 0), rate=1e6)
        result = probe(asked, watcher=Impatient(trust))
    assert not result.complete
    assert "interrupted" in result.notes[0]
    assert "lenient-header" in found(result)


def test_a_token_of_somebody_elses_issuer_is_changed_in_every_way_that_needs_no_key():
    trust = raw.Trust()
    issuer = Kit.issue(issuer="https://issuer.example", audience=raw.AUDIENCE, now=int(time.time()))
    trust.url, trust.fetched = "https://issuer.example", issuer.jwks
    for target, expected in [
        (raw.strict, set()),
        (raw.alg_none, {"alg-none"}),
        (raw.no_signature, {"signature"}),
    ]:
        with running(target(trust)) as url:
            asked = Asked(url, token=Secret(issuer.good), jwks=issuer.jwks, rate=1e6)
            result = probe(asked, sleep=lambda _: None)
        assert found(result) == expected
        (left_out,) = [each.what for each in result.unseen]
        assert left_out.endswith(" tokens")


@pytest.mark.parametrize(
    ("accepts", "expected"),
    [
        (lambda token: token == "secret-opaque-token-1", set()),
        (lambda token: token.lower() == "secret-opaque-token-1", {"altered-token"}),
        (lambda token: token.startswith("secret-opa"), {"altered-token"}),
        (bool, {"any-token"}),
    ],
    ids=["whole", "case", "beginning", "any"],
)
def test_an_opaque_token_is_altered(accepts, expected):
    def verify(token):
        assert accepts(token)

    with running(api(verify)) as url:
        result = probe(Asked(url, token=Secret("secret-opaque-token-1"), rate=1e6), sleep=lambda _: None)
    assert found(result) == expected


def test_another_users_token_must_not_get_the_same(few):
    owners = {"token-of-alice-0000": "alice", "token-of-bob-000000": "bob"}

    def target(checks):
        def answer(request):
            owner = owners.get(request.bearer)
            if "," in request.authorization or owner is None:
                return REFUSED
            return Response(200, {"owner": "alice"}) if owner == "alice" or not checks else Response(404, {})

        return answer

    for checks, expected in [(True, set()), (False, {"other-user"})]:
        with running(target(checks)) as url:
            asked = Asked(
                url, token=Secret("token-of-alice-0000"), other_token=Secret("token-of-bob-000000"), rate=1e6
            )
            assert found(probe(asked, sleep=lambda _: None)) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, set()), (9.0, {"late-revocation"})])
def test_how_long_a_revoked_token_lives_is_measured(seconds, expected, few):
    until = [float("inf")]

    def verify(token):
        assert token == "secret-opaque-token-1"
        assert time.monotonic() < until[0]

    def revoke():
        until[0] = time.monotonic() + seconds

    with running(api(verify)) as url:
        asked = Asked(url, token=Secret("secret-opaque-token-1"), rate=1e6, revoke=revoke, within=0.3)
        result = probe(asked)
    assert found(result) == expected
    assert bool(result.notes) != bool(expected)


@pytest.mark.parametrize(("remembers", "expected"), [(False, set()), (True, {"late-revocation"})])
def test_how_long_a_withdrawn_key_lives_is_measured(remembers, expected, few):
    def target(trust):
        def verify(token):
            if not remembers:
                trust.fetched = None
            trust.strict(token)

        return api(verify)

    result = probed(target, withdraw_keys=True, within=0.0)
    assert found(result) - {"key-set-storm"} == expected


def test_a_target_that_does_not_know_the_test_issuer_is_told_why(few):
    with pytest.raises(CannotProbe, match=r"nobody has asked for http://127\.0\.0\.1:\d+/jwks\.json"):
        probed(lambda _: lambda _: REFUSED, patience=0.0)

    def fetches(trust):
        trust.url = ""

        def answer(_):
            trust.fetch()
            return REFUSED

        return answer

    with pytest.raises(CannotProbe, match="it has fetched the keys"):
        probed(fetches, patience=0.0)


@contextmanager
def dripping(first, piece):
    """A target that says a little every now and then, and never ends."""
    over = threading.Event()

    def serve(listener):
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(first)
                while not over.wait(0.05):
                    connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/accounts"
        finally:
            over.set()
            server.join(5)


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "fields", "continue"],
)
def test_an_answer_that_drips_has_its_time_and_no_more(first, piece):
    with dripping(first, piece) as url, pytest.raises(NoAnswer, match="in time"):
        Wire(SYSTEM_CLOCK, timeout=0.5).send(Shot("GET", url))


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
def test_an_answer_that_unpacks_to_much_is_unpacked_to_a_bound(coding):
    packed = gzip.compress(b" " * 50_000_000)
    with running(lambda _: Response(200, packed, {"Content-Encoding": coding})) as url:
        tracemalloc.start()
        try:
            body = Wire(SYSTEM_CLOCK, timeout=5).send(Shot("GET", url)).body
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()
    assert len(body) == (MOST_BYTES if coding == "gzip" else len(packed[:MOST_BYTES]))


def test_an_answer_that_is_packed_though_nobody_asked_is_read():
    packed = gzip.compress(b'{"accounts": []}')
    with running(lambda _: Response(200, packed, {"Content-Encoding": "gzip"})) as url:
        assert Wire(SYSTEM_CLOCK, timeout=5).send(Shot("GET", url)).body == b'{"accounts": []}'


@pytest.mark.parametrize("algorithm", [row.name for row in ALGORITHMS.values() if not row.symmetric])
def test_a_token_of_any_algorithm_is_forged(algorithm):
    """With nothing but the token: none of the issuer's keys, private or public."""
    key = SigningKey.generate(algorithm)
    claims = {"iss": "https://issuer.example", "aud": "api", "sub": "ann", "iat": 0, "exp": 900}
    kit = Kit(sign_jwt(key, claims, typ="at+jwt"), 0, {"keys": []}, {}, SigningKey.generate(algorithm))
    able, _ = tokens.forgeable(kit)
    assert any("thumbprint" in row.name for row in able)


@pytest.mark.parametrize(
    "claims", [{}, {"aud": ["a", "b"], "exp": "soon"}, {"aud": 1, "iss": None, "sub": []}], ids=str
)
def test_a_token_of_any_claims_is_forged_as_far_as_they_go(claims):
    key = SigningKey.generate()
    kit = Kit(sign_jwt(key, claims, typ="JWT"), 0, {"keys": []}, {}, SigningKey.generate())
    able, unable = tokens.forgeable(kit)
    assert len(able) > 20
    assert unable


def test_what_changes_nothing_of_a_token_is_not_fired():
    """It would be accepted, and be a finding."""
    good = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"  # one member each: no comma to put a space after
    kit = Kit(good, 0, {"keys": []}, {}, SigningKey.generate("RS256"))
    able, unable = tokens.forgeable(kit)
    assert "header with spaces" in {row.name for row in unable}
    assert good not in [row.forge(kit) for row in able]


def test_a_token_whose_algorithm_is_no_name_is_probed():
    good = "eyJhbGciOlsiRVMyNTYiXX0.eyJzdWIiOiJhIn0.c2ln"  # {"alg": ["ES256"]}

    def verify(token):
        if token != good:
            raise ValueError

    with running(api(verify)) as url:
        result = probe(Asked(url, token=Secret(good), rate=1e6), sleep=lambda _: None)
    assert not {"any-token", "server-error"} & found(result)
