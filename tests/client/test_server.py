"""Which server is asked: the one that was named, and it alone."""

import json

import pytest

from tokenward.client import Server, ServerUnavailable, TokenError
from tokenward.flows.metadata import addresses, read_metadata


def test_metadata_is_looked_for_where_rfc_8414_and_openid_say():
    assert addresses("https://a.example/tenant/") == (
        "https://a.example/.well-known/oauth-authorization-server/tenant",
        "https://a.example/tenant/.well-known/openid-configuration",
    )


def test_a_server_with_openid_metadata_only_will_do(fake, source):
    fake.well_known = "/.well-known/openid-configuration"
    assert source().token().value.reveal() == "access-1"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"issuer": "https://other.example"}, "wrong_metadata"),
        ({"issuer": None}, "wrong_metadata"),
        ({"token_endpoint": None}, "wrong_metadata"),
        ({"token_endpoint": "http://other.example/token"}, "wrong_metadata"),
        ({"token_endpoint": "https://user@other.example/token"}, "wrong_metadata"),
        ({"token_endpoint": "file:///etc/passwd"}, "wrong_metadata"),
        ({"token_endpoint": "https://other.example/token#x"}, "wrong_metadata"),
        ({"mtls_endpoint_aliases": {"token_endpoint": "http://other.example/token"}}, "wrong_metadata"),
        ({"mtls_endpoint_aliases": []}, "wrong_metadata"),
        ({"token_endpoint_auth_methods_supported": "none"}, "wrong_metadata"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_metadata_of_another_or_of_no_use_is_refused_and_no_secret_is_sent(fake, source, change, code):
    fake.metadata |= change
    with pytest.raises(TokenError, match=code):
        source().token()
    assert fake.forms == []


def test_a_server_without_metadata_is_said_so(fake, source):
    fake.well_known = "/nowhere"
    with pytest.raises(TokenError, match=r"no_metadata: .* answers 404"):
        source().token()


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example.com",
        "login.example.com",
        "https://",
        "https://me:pass@login.example.com",
        "https://login.example.com?tenant=1",
        "https://login.example.com#x",
        "ftp://127.0.0.1",
    ],
)
def test_what_is_no_issuer_is_refused_at_once(issuer):
    with pytest.raises(ValueError, match="the issuer must be"):
        Server(issuer)


def test_a_private_address_is_reached_only_where_it_was_named():
    server = Server("https://10.255.255.1")
    with pytest.raises(Exception, match="private"):
        server.plain_http.exchange("GET", "https://10.255.255.1/")
    public = Server("https://login.example.com").plain_http
    with pytest.raises(Exception, match="loopback"):
        public.exchange("GET", "https://127.0.0.1/")
    with pytest.raises(Exception, match="the scheme must be https"):
        public.exchange("GET", "http://127.0.0.1/")
    elsewhere = Server("http://127.0.0.1:9")
    with pytest.raises(Exception, match="private"):
        elsewhere.plain_http.exchange("GET", "https://10.255.255.1/")


def test_nobody_answers(source):
    with pytest.raises(ServerUnavailable):
        source(server=Server("http://127.0.0.1:9")).token()


def test_the_mtls_endpoints_are_read():
    body = b'{"issuer":"https://a.example","token_endpoint":"https://a.example/t",'
    body += b'"mtls_endpoint_aliases":{"token_endpoint":"https://mtls.a.example/t"}}'
    found = read_metadata(body, "https://a.example", required=("token_endpoint",))
    assert found.mtls == {"token_endpoint": "https://mtls.a.example/t"}
    assert found.auth_methods == ("client_secret_basic",)


@pytest.mark.parametrize(("given", "how"), [("https://a.example", "with"), ("https://a.example/", "without")])
def test_an_issuer_that_differs_in_its_slash_alone_is_told_so(given, how):
    own = "https://a.example" + ("/" if how == "with" else "")
    with pytest.raises(ValueError, match=f"writes itself {how} a slash at the end"):
        read_metadata(json.dumps({"issuer": own}).encode(), given, required=())
