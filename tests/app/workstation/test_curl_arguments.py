"""Command lines of curl's: read as curl reads them, and refused where the token could go astray."""

import re
import shutil
import subprocess

import pytest

from tokenward.app.workstation.curl_arguments import Grammar

URL = "https://api.example.com/bank"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def grammar():
    help_text = subprocess.run(["curl", "--help", "all"], capture_output=True, text=True, check=True)
    return Grammar.of(help_text.stdout)


@pytest.mark.parametrize(
    ("arguments", "method"),
    [
        ([URL], "GET"),
        (["--url", URL], "GET"),
        (["-sSfo", "out", URL], "GET"),
        (["-sS", URL, "-H", "Accept: text/plain"], "GET"),
        ([URL, "-I"], "HEAD"),
        ([URL, "-d", "a=b"], "POST"),
        ([URL, "-da=b", "-G"], "GET"),
        ([URL, "--json", "{}"], "POST"),
        ([URL, "-F", "a=b"], "POST"),
        ([URL, "-T", "file"], "PUT"),
        ([URL, "-XDELETE"], "DELETE"),
        (["-sXPATCH", URL, "-d", "a"], "PATCH"),
        (["--request", "PUT", "--request", "POST", URL], "POST"),
        (["--no-buffer", "--no-keepalive", URL], "GET"),
        (["-x", "http://proxy.example.com:3128", URL], "GET"),
        (["-w", "https://elsewhere.example.com", URL], "GET"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_url_and_method_are_those_that_curl_takes(grammar, arguments, method):
    call = grammar.read(arguments)
    assert (call.url, call.method) == (URL, method)


ELSEWHERE = "https://elsewhere.example.com"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "one URL"),
        ([URL, ELSEWHERE], "one URL"),
        ([URL, "elsewhere.example.com"], "one URL"),
        ([URL, "--url", ELSEWHERE], "one URL"),
        ([URL, "-s", ELSEWHERE], "one URL"),
        ([URL, ""], "one URL"),
        (["--version"], "ask curl itself"),
        (["-V"], "ask curl itself"),
        ([URL, "--next", ELSEWHERE], "--next is refused"),
        ([URL, "-:", ELSEWHERE], "--next is refused"),
        ([URL, "-s:", ELSEWHERE], "--next is refused"),
        ([URL, "--config", "file"], "--config is refused"),
        ([URL, "-sKfile"], "--config is refused"),
        ([URL, "-k"], "--cacert"),
        ([URL, "-sk"], "--cacert"),
        ([URL, "--insecure"], "--cacert"),
        ([URL, "--insec"], "no option --insec"),
        ([URL, "--location-trusted"], "anywhere"),
        ([URL, "--trace", "f"], "into a file"),
        ([URL, "--trace-ascii", "-"], "into a file"),
        ([URL, "--libcurl", "f"], "into a file"),
        ([URL, "--stderr", "f"], "--stderr is refused"),
        ([URL, "--oauth2-bearer", "x"], "comes from the profile"),
        ([URL, "-H", "Authorization: Basic eA=="], "comes from the profile"),
        ([URL, "-Hdpop: x"], "comes from the profile"),
        ([URL, "-H", "authorization;"], "comes from the profile"),
        ([URL, "--expand-url", ELSEWHERE], "no option"),
        ([URL, "--no-data"], "no option"),
        ([URL, "-d"], "needs a value"),
        (["--", URL], "not needed"),
        (["api.example.com"], "must begin with https"),
        (["ftp://api.example.com"], "must begin with https"),
        (["https://api.example.com\\@elsewhere.example.com/"], "must begin with https"),
        (["https://api.example.com@elsewhere.example.com/"], "must begin with https"),
        (["https://api.example.com{.elsewhere.example.com,}/"], "must begin with https"),
        (["https://api.example.com/ x"], "must begin with https"),
        (["https://api.example.com\n.elsewhere.example.com/"], "must begin with https"),
        (["https://äpi.example.com/"], "must begin with https"),
        (["http://127.0.0.1/", "--connect-to", "::elsewhere.example.com:80"], "plain http"),
        (["http://localhost/", "--resolve", "localhost:80:192.0.2.1"], "plain http"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_could_take_the_token_elsewhere_is_refused(grammar, arguments, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        grammar.read(arguments)


@pytest.mark.parametrize(
    ("arguments", "can"),
    [
        (["-d", "a"], True),
        (["-d", "@file"], True),
        (["-d", "@-"], False),
        (["--json", "@-"], False),
        (["--data-urlencode", "name@-"], False),
        (["-F", "file=@-"], False),
        (["-T", "-"], False),
        (["-T", "."], False),
        (["-T", "file"], True),
        (["-H", "@-"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_comes_from_standard_input_is_sent_once(grammar, arguments, can):
    assert grammar.read([URL, *arguments]).can_repeat is can


def test_a_curl_that_does_not_tell_its_options_will_not_do():
    with pytest.raises(ValueError, match="does not tell"):
        Grammar.of("Usage: curl [options...] <url>\n -s, --silent Silent mode\n")
