import base64

import pytest
import re2

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detectors.authorization import AUTHORIZATION
from tokenward.leaks.recording import SILENCE, Notes
from tokenward.leaks.rulebook.templates import fill, sample
from tokenward.leaks.text import Text

BASIC = base64.b64encode(b"robot:" + fill("{base62:20}", "a"))
BASICS = [
    b"Authorization: Basic %s\r\n",
    b"curl -H 'Authorization: Basic %s' https://api.shop.internal/",
    b'headers = {"Authorization": "Basic %s"}',
    b'request.setHeader("Authorization", "Basic %s");',
    b"req.Header.Set(`Authorization`, `Basic %s`)",
    b'auth = "Basic %s"',
    b"authorization=Basic %s",
]
BEARERS = [
    "Authorization: Bearer {base62:40}",
    "curl -H 'Authorization: Bearer {base64url:43}' https://api.shop.internal/",
    'headers = {{"Authorization": "Bearer {hex:40}"}}',
    "headers: {{ authorization: `Bearer {base62:32}` }}",
    "Authorization: token {hex:40}",
    "headers={{'X-Api-Key': '{base62:32}'}}",
    "X-Auth-Token: {hex:32}",
]


def find(data, path="client.txt", recorder=SILENCE):
    return list(AUTHORIZATION.find(Text(data, path), 0, recorder))


def wakes(data):
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return any(re2.compile(trigger.encode(), options).search(data) for trigger in AUTHORIZATION.triggers)


@pytest.mark.parametrize("form", BASICS)
def test_reads_basic_credentials(form):
    data = form % BASIC
    [found] = find(data)
    assert (found.rule, found.confidence, found.secret) == ("basic-credentials", Confidence.HIGH, BASIC)
    assert dict(found.facts) == {"user": "robot"}
    assert data[found.start : found.end] == BASIC
    assert wakes(data)


@pytest.mark.parametrize("template", BEARERS)
def test_finds_opaque_tokens(template):
    for seed in "abcdef":
        data = fill(template, seed)
        [found] = find(data)
        assert (found.rule, found.confidence) == ("bearer-token", Confidence.MEDIUM)
        assert len(found.secret) >= 32
        assert wakes(data)


def test_curl_takes_a_password_as_an_argument():
    for option in (b"-u ", b"--user ", b"--user="):
        data = b"curl -s " + option + b"robot:" + fill("{base62:20}", "a") + b" https://api.shop.internal/"
        [found] = find(data)
        assert (found.rule, found.facts["user"]) == ("basic-credentials", "robot")
        assert wakes(data)


@pytest.mark.parametrize("form", ["-u '{base62:32}:'", "--user={base62:32}:x", "\\\n  -u {base62:32}:"])
def test_curl_takes_a_token_in_the_place_of_a_user(form):
    data = fill("curl https://api.shop.internal/ " + form, "a")
    [found] = find(data)
    assert (found.rule, found.confidence, len(found.secret)) == ("basic-credentials", Confidence.HIGH, 32)
    assert dict(found.facts) == {}
    assert wakes(data)


def test_basic_credentials_may_be_a_token_alone():
    token = fill("{base62:32}", "a")
    [found] = find(b"Authorization: Basic " + base64.b64encode(token + b":"))
    assert (found.rule, dict(found.facts)) == ("basic-credentials", {})


def test_a_token_in_the_place_of_a_user_is_not_told():
    [found] = find(fill("curl -u {base62:40}:{base62:20} https://api.shop.internal/", "a"))
    assert dict(found.facts) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic <credentials>",
        "Authorization: Basic YOUR_BASE64_CREDENTIALS",
        "Basic authentication is legacy",
        "'Basic functionality'",
        "Authorization: Bearer YOUR_ACCESS_TOKEN_GOES_HERE",
        "Authorization: Bearer $" + "{token}",
        "Authorization: Bearer access_token_from_login",
        "headers['Authorization'] = 'Bearer ' + get_access_token_from_session(request)",
        "curl -u $USER:$PASSWORD https://api.shop.internal/",
        "curl -u username:password https://api.shop.internal/",
        "curl -u ada.lovelace.the.first: https://api.shop.internal/",
        fill("curl https://api.shop.internal/\nadd -u robot:{base62:16}", "a").decode(),
        "X-Api-Key: your-api-key-goes-here",
        "X-Amz-Security-Token, Signature=41e226f997bf917ec6c9b2b14218df0874225f13bb153236c247",
        f"Authorization: token {base64.b64encode(b'correct:horse-battery').decode()}",
        "'X-Api-Key': settings.SHOP_API_KEY_2024",
    ],
)
def test_what_is_no_credential_is_not_reported(text):
    notes = Notes()
    assert [found for found in find(text.encode(), recorder=notes) if found.confidence > Confidence.LOW] == []
    assert all(note.verdict == "dropped" for note in notes.kept)


def test_a_json_web_token_is_left_to_whom_can_read_it():
    assert find(b"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.abcdefghijklmnopqrstuvwx") == []


def test_an_example_of_an_rfc_is_low_and_says_so():
    [found] = find(b"Authorization: Basic " + base64.b64encode(b"s6BhdRkqt3:gX1fBat3bV"))
    assert (found.severity, found.confidence) == (Severity.LOW, Confidence.LOW)
    assert found.facts["published"] == "RFC 6749"


def test_in_a_test_it_is_low():
    [found] = find(b"Authorization: Basic " + BASIC, "tests/test_client.py")
    assert (found.severity, found.confidence) == (Severity.LOW, Confidence.HIGH)


def test_a_word_as_a_password_is_of_low_confidence_in_a_test():
    data = b"Authorization: Basic " + base64.b64encode(b"robot:wombatburrow")
    assert [one.confidence for one in find(data)] == [Confidence.MEDIUM]
    assert [one.confidence for one in find(data, "tests/test_client.py")] == [Confidence.LOW]


@pytest.mark.parametrize("seed", range(20))
def test_the_rules_keep_what_they_promise(seed):
    for rule in AUTHORIZATION.rules:
        for template in rule.examples:
            text = sample(template, str(seed))
            assert [found.rule for found in find(text.data, text.path)] == [rule.id]
        for template in rule.counterexamples:
            text = sample(template, str(seed))
            assert [found for found in find(text.data, text.path) if found.confidence > Confidence.LOW] == []
