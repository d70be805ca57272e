"""Asking providers whether what was found is live: what goes out, what an answer means, and how often."""

import asyncio
import base64
import json
import traceback
from dataclasses import replace

import pytest

from tokenward.base.clock import ManualClock
from tokenward.base.outbound import Answer, OutboundError
from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.findings import Place
from tokenward.leaks.result import Finding, Validity
from tokenward.leaks.rule import Check, Expected, Rule
from tokenward.leaks.validity import asking
from tokenward.leaks.validity.answers import judge, reads_body
from tokenward.leaks.validity.asking import HOSTS_AT_ONCE, PAUSE, Question, ask
from tokenward.leaks.validity.production import is_production
from tokenward.leaks.validity.request import CannotAsk, request

SECRET = b"acme_" + b"k3" * 10
NOW = ManualClock().time()


YES, NO = Expected(200), Expected(401)


def check(url="https://api.acme.example/me", valid=(YES,), refused=(NO,), **more):
    headers = {} if "{secret}" in url or more.get("basic") else {"Authorization": "Bearer {secret}"}
    return Check("GET", url, valid, "https://acme.example", refused, **{"headers": headers, **more})


class Provider:
    """Answers every question the same way, or as it is told to, and keeps what it was sent."""

    def __init__(self, *answers):
        self.answers = answers or (Answer(200, b"{}"),)
        self.sent = []
        self.running = self.most = 0

    async def ask_async(self, method, url, *, headers, body=None, reads=False):
        self.sent.append((method, url, dict(headers), body, reads))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.running -= 1
        answer = self.answers[min(len(self.sent), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Nobody waits; how long it would have been."""
    waited, sleep = [], asyncio.sleep

    async def at_once(seconds):
        if seconds:
            waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asking.asyncio, "sleep", at_once)
    return waited


def answers_of(provider, *questions):
    told = {}
    asyncio.run(ask(questions, provider, told.__setitem__, clock=ManualClock()))
    return told


def questions(number, **more):
    return [Question(f"hmac:{n}", check(**more), SECRET + b"%d" % n) for n in range(number)]


# What goes out


@pytest.mark.parametrize(
    ("made", "url", "headers"),
    [
        (check(), "https://api.acme.example/me", {"Authorization": "Bearer acme_+/%:k"}),
        (check("https://a.example/bot{secret}/me"), "https://a.example/botacme_%2B%2F%25:k/me", {}),
        (check("https://a.example/me?key={secret}"), "https://a.example/me?key=acme_%2B%2F%25:k", {}),
        (
            check("https://a.example/{pair}", basic="{pair}:{secret}"),
            "https://a.example/AC1%2F..%3F",
            {"Authorization": "Basic " + base64.b64encode(b"AC1/..?:acme_+/%:k").decode()},
        ),
    ],
)
def test_the_credential_goes_where_the_check_says(made, url, headers):
    asked = request(made, b"acme_+/%:k", "AC1/..?")
    assert (asked.url, asked.headers) == (url, headers)


def test_what_is_filled_in_is_no_template():
    assert request(check(basic="{pair}:{secret}"), b"{pair}", "{secret}").headers == {
        "Authorization": "Basic " + base64.b64encode(b"{secret}:{pair}").decode()
    }


@pytest.mark.parametrize("secret", [b"", b"a b", b"a\r\nx: y", b"a\x00", b"\xc3\xa9", b"a" * 1501])
def test_what_http_does_not_carry_is_not_sent(secret):
    with pytest.raises(CannotAsk, match="characters that no request carries"):
        request(check(), secret)
    provider = Provider()
    told = answers_of(provider, Question("hmac:1", check(), secret))
    assert told["hmac:1"].state == "unknown"
    assert provider.sent == []


@pytest.mark.parametrize("pair", ["", "a b", "é"])
def test_without_its_second_part_nothing_is_sent(pair):
    provider = Provider()
    needs = Question("hmac:1", check(basic="{pair}:{secret}"), SECRET, pair)
    assert answers_of(provider, needs)["hmac:1"].why == "the part that belongs to it was not found beside it"
    assert provider.sent == []


def test_nothing_that_is_kept_of_a_question_shows_the_secret():
    question = Question("hmac:1", check("https://a.example/bot{secret}"), SECRET)
    shown = repr(question) + repr(request(question.check, SECRET))
    assert SECRET.decode() not in shown


# What an answer means

OK = Expected(200, ("ok",), (True,))
GONE = Expected(200, ("error", ".tag"), ("revoked", "expired"))


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, {"ok": True}, "valid"),
        (200, {"ok": 1}, "unknown"),
        (200, {"ok": "true"}, "unknown"),
        (200, {"ok": False, "error": {".tag": "expired"}}, "refused"),
        (200, {"ok": False, "error": {".tag": "ratelimited"}}, "unknown"),
        (200, {"deeper": {"ok": True}}, "unknown"),
        (200, [{"ok": True}], "unknown"),
        (401, {"ok": True}, "refused"),
        (403, {}, "unknown"),
        (500, {"ok": True}, "unknown"),
    ],
)
def test_only_what_the_check_lists_means_something(status, body, state):
    made = check(valid=(OK,), refused=(GONE, Expected(401)))
    assert judge(made, Answer(status, json.dumps(body).encode())) == state


@pytest.mark.parametrize("body", [b"", b"ok", b"\xff", b'{"ok": true', b"[" * 5000 + b"]" * 5000])
def test_a_body_that_cannot_be_read_says_nothing(body):
    assert judge(check(valid=(OK,)), Answer(200, body)) == "unknown"


def test_a_member_may_be_asked_for_whatever_it_is():
    made = check(valid=(Expected(200, ("data", "id")),))
    assert judge(made, Answer(200, b'{"data": {"id": "x"}}')) == "valid"
    assert judge(made, Answer(200, b'{"data": {"id": null}}')) == "unknown"


def test_a_body_is_read_only_where_the_status_is_not_enough():
    assert not reads_body(check())
    assert reads_body(check(valid=(OK,)))
    assert reads_body(check(refused=(GONE,)))
    provider = Provider()
    answers_of(provider, *questions(1), Question("x", check("https://b.example/", valid=(OK,)), SECRET))
    assert sorted(reads for *_, reads in provider.sent) == [False, True]


# How often


def test_the_answer_comes_with_who_gave_it_and_when():
    told = answers_of(Provider(Answer(401, b"")), *questions(1))
    assert told == {"hmac:0": Validity("refused", "api.acme.example", "it answered 401", NOW)}


def test_a_secret_is_asked_about_once():
    provider = Provider()
    answers_of(provider, *questions(2), *questions(2))
    assert len(provider.sent) == 2


def test_questions_to_a_host_come_one_after_another_with_a_pause_between(pauses):
    provider = Provider()
    assert len(answers_of(provider, *questions(5))) == 5
    assert provider.most == 1
    assert pauses == [PAUSE] * 4


def test_hosts_are_asked_at_the_same_time_but_few_of_them():
    provider = Provider()
    many = [Question(f"hmac:{n}", check(f"https://api{n}.acme.example/"), SECRET) for n in range(20)]
    assert len(answers_of(provider, *many)) == 20
    assert provider.most == HOSTS_AT_ONCE


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (Answer(429, b""), "it asked to slow down"),
        (OutboundError("timeout", "x"), "it did not answer in time"),
        (OutboundError("unreachable", "x"), "it cannot be reached"),
        (OutboundError("bad_response", "x"), "it gave no answer that can be read"),
    ],
)
def test_a_host_that_does_not_answer_or_has_enough_is_not_asked_again(first, why):
    provider = Provider(first, Answer(200, b""))
    told = answers_of(provider, *questions(3))
    assert len(provider.sent) == 1
    assert {each.state for each in told.values()} == {"unknown"}
    assert [each.why for each in told.values()] == [
        why,
        f"not asked, {why} before",
        f"not asked, {why} before",
    ]


def test_one_host_that_fails_keeps_no_other_from_being_asked():
    class Half(Provider):
        async def ask_async(self, method, url, **more):
            if "api0" in url:
                raise OutboundError("unreachable", "x")
            return await super().ask_async(method, url, **more)

    both = [Question(f"hmac:{n}", check(f"https://api{n}.acme.example/"), SECRET) for n in range(2)]
    assert {key: each.state for key, each in answers_of(Half(), *both).items()} == {
        "hmac:0": "unknown",
        "hmac:1": "valid",
    }


def test_no_failure_repeats_the_secret():
    in_url = Question("hmac:1", check("https://a.example/bot{secret}"), SECRET)
    (told,) = answers_of(Provider(OutboundError("bad_url", "x")), in_url).values()
    assert SECRET.decode() not in repr(told)

    class Broken(Provider):
        async def ask_async(self, _method, url, **_more):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError) as raised:
        answers_of(Broken(), in_url)
    assert SECRET.decode() not in "".join(traceback.format_exception(raised.value))


# What is production


def finding(*paths, production=False):
    rule = Rule("acme-key", "Acme", "Acme key", "x", Severity.HIGH, Confidence.HIGH, "", check=check())
    rule = replace(rule, production=production)
    places = tuple(Place(path, 1, 1) for path in paths or ("a.py",))
    return Finding(rule, Severity.HIGH, Confidence.HIGH, "acme_…", "hmac:0", places)


@pytest.mark.parametrize(
    ("found", "is_it"),
    [
        (finding(), False),
        (finding(production=True), True),
        (finding("a.py", "deploy/production/values.yaml"), True),
        (finding(".env.prod"), True),
        (finding("config/PROD.json"), True),
        (finding("k8s/prd-eu1/secret.yml"), True),
        (finding("live.env"), True),
        (finding("src/product/reproduction_lives.py"), False),
        (finding("image.tar!app/.env.production"), True),
    ],
)
def test_production_is_what_the_rule_or_the_path_says(found, is_it):
    assert is_production(found) is is_it
