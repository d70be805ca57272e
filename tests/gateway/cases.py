"""The decision case table: what any door must answer. `{name}` stands for a token of `world.World`."""

import json
from dataclasses import dataclass

from tokenward.base.problems import CATALOGUE

# What an HTTP server in front refuses or resolves by itself, so that no door sees it.
NOT_OVER_HTTP = frozenset({"a tab for the space"})


def refused_as(case, status, headers, body, code=None):
    """Assert that a door's own answer is that of the case; `code` where this door comes to another."""
    code = code or case.code
    if code == "preflight":
        assert (case.name, status, body) == (case.name, 204, b"")
        return
    assert (case.name, status) == (case.name, CATALOGUE[code].status)
    if case.method != "HEAD":
        assert (case.name, json.loads(body)["type"]) == (case.name, f"urn:tokenward:problem:{code}")
    told = dict(headers)
    assert told["content-type"] == "application/problem+json"
    assert told["cache-control"] == "no-store"
    assert ("www-authenticate" in told) == (
        status == 401 or "several" in code or code.endswith(("url", "scope", "tier", "details"))
    )
    assert ("allow" in told) == (status == 405)


@dataclass(frozen=True)
class DecisionCase:
    """One request and the reason code that every door must come to ("allow", or a row of the catalogue)."""

    name: str
    code: str
    path: str = "/bank/accounts/7"
    method: str = "GET"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = (("authorization", "Bearer {reader}"),)
    body: bytes = b""


def _with(*headers):
    return headers


def _key(token):
    return (("x-api-key", "{" + token + "}"),)


def _bearer(token):
    return (("authorization", "Bearer {" + token + "}"),)


def _basic(credentials):
    return (("authorization", "Basic {" + credentials + "}"),)


def _dpop(token, *proofs):
    return (("authorization", "DPoP {" + token + "}"), *(("dpop", proof) for proof in proofs))


COOKIE = "__Host-tokenward-app"
_FROM_HERE, _ELSEWHERE = ("origin", "https://api.example"), ("origin", "https://evil.example")


def _session(token, csrf="1", *, known=True):
    """A session whose token is that one: in the world, its name is made of it."""
    name = f"of-{{{token}}}" if known else f"{{{token}}}"
    return (("cookie", f"a=b; {COOKIE}={name}"), *((("tokenward-csrf", csrf),) if csrf else ()))


def _changes(*headers, csrf="1"):
    return {"path": "/bank/transfers", "method": "POST", "headers": (*_session("writer", csrf), *headers)}


def _asks(method, headers="", *, origin="https://app.example"):
    named = (("access-control-request-headers", headers),) if headers else ()
    return (("origin", origin), ("access-control-request-method", method), *named)


def _order(body, content_type="application/json"):
    """A request of the shop, whose document is enforced, with this body."""
    told = (("content-type", content_type), ("content-length", str(len(body))))
    return {"path": "/shop/orders", "method": "POST", "headers": (*_bearer("buyer"), *told), "body": body}


CASES = (
    DecisionCase("a token with the scope", "allow"),
    DecisionCase("a WebSocket without its handshake", "upgrade_required", "/bank/ticker"),
    DecisionCase("scheme in lower case", "allow", headers=_with(("authorization", "bearer {reader}"))),
    DecisionCase(
        "a person's token at a literal before a parameter",
        "allow",
        "/bank/accounts/me",
        headers=_bearer("person"),
    ),
    DecisionCase(
        "a letter spelt percent-encoded is the same path",
        "allow",
        "/bank/accounts/m%65",
        headers=_bearer("person"),
    ),
    DecisionCase("documented HEAD", "allow", method="HEAD"),
    DecisionCase("a query that is none of ours", "allow", query="from=2026-01-01&page_token=x&keys=3"),
    DecisionCase("public, anonymous", "allow", "/weather/about", headers=()),
    DecisionCase("public, with a good token", "allow", "/weather/about", headers=_bearer("weather")),
    DecisionCase(
        "low tier with an API key's token", "allow", "/weather/forecast/bern", headers=_bearer("weatherkey")
    ),
    DecisionCase("an API key", "allow", "/weather/forecast/bern", headers=_key("apikey")),
    DecisionCase(
        "an API key as a bearer token", "allow", "/weather/forecast/bern", headers=_bearer("apikey")
    ),
    DecisionCase("a key that was imported", "allow", "/weather/forecast/bern", headers=_key("foreignkey")),
    DecisionCase("public, with an API key", "allow", "/weather/about", headers=_key("apikey")),
    DecisionCase(
        "offering h2c changes nothing",
        "allow",
        "/weather/about",
        headers=_with(("upgrade", "h2c"), ("connection", "upgrade")),
    ),
    # Credentials
    DecisionCase("no credential", "no_credential", headers=()),
    DecisionCase("low tier without a credential", "no_credential", "/weather/forecast/bern", headers=()),
    DecisionCase("public, with a bad token", "invalid_token", "/weather/about", headers=_bearer("damaged")),
    DecisionCase("unknown token", "invalid_token", headers=_bearer("unknown")),
    DecisionCase("damaged token", "invalid_token", headers=_bearer("damaged")),
    DecisionCase("a refresh token", "invalid_token", headers=_bearer("refresh")),
    DecisionCase("the inside JWT, outside", "invalid_token", headers=_bearer("inside")),
    DecisionCase("garbage", "invalid_token", headers=_with(("authorization", "Bearer garbage"))),
    DecisionCase("two spaces", "invalid_token", headers=_with(("authorization", "Bearer  {reader}"))),
    DecisionCase("no ASCII", "malformed_request", headers=_with(("authorization", "Bearer {reader}\xe9"))),
    DecisionCase("a tab for the space", "wrong_scheme", headers=_with(("authorization", "Bearer\t{reader}"))),
    DecisionCase("nothing after the scheme", "invalid_token", headers=_with(("authorization", "Bearer"))),
    DecisionCase(
        "two tokens in one header",
        "invalid_token",
        headers=_with(("authorization", "Bearer {reader}, Bearer {reader}")),
    ),
    DecisionCase("Basic", "wrong_scheme", headers=_with(("authorization", "Basic dXNlcjpwYXNz"))),
    DecisionCase("no scheme", "wrong_scheme", headers=_with(("authorization", "{reader}"))),
    DecisionCase("two Authorization headers", "several_credentials", headers=_bearer("reader") * 2),
    DecisionCase(
        "bearer and API key", "several_credentials", headers=(*_bearer("reader"), ("x-api-key", "k"))
    ),
    DecisionCase(
        "two API keys", "several_credentials", headers=_with(("x-api-key", "k"), ("x-api-key", "k"))
    ),
    DecisionCase("bearer and query", "several_credentials", query="access_token={reader}"),
    DecisionCase("token in the query", "credential_in_url", query="access_token={reader}", headers=()),
    DecisionCase("its name percent-encoded", "credential_in_url", query="a=1&access%5Ftoken=x", headers=()),
    DecisionCase("its name in capitals", "credential_in_url", query="Access-Token=x", headers=()),
    DecisionCase("its name as an array", "credential_in_url", query="token[]=x", headers=()),
    DecisionCase("its name as an encoded array", "credential_in_url", query="token%5B0%5D=x", headers=()),
    DecisionCase("behind a semicolon", "credential_in_url", query="a=1;api_key=x", headers=()),
    DecisionCase(
        "even where nothing is needed", "credential_in_url", "/weather/about", query="apikey=x", headers=()
    ),
    # The contract
    DecisionCase("an order as documented", "allow", **_order(b'{"item": "tea", "count": 2}')),
    DecisionCase(
        "an order with a suffix of JSON that nobody documented",
        "contract_media_type",
        **_order(b'{"item": "tea", "count": 2}', "application/merge-patch+json"),
    ),
    DecisionCase("an order as a form", "contract_media_type", **_order(b"item=tea", "text/plain")),
    DecisionCase("an order with a wrong count", "contract_body", **_order(b'{"item": "tea", "count": 0}')),
    DecisionCase(
        "an order with a property that nobody documented",
        "contract_body",
        **_order(b'{"item": "tea", "count": 2, "price": 0}'),
    ),
    DecisionCase(
        "an order that sets what only the server sets",
        "contract_body",
        **_order(b'{"id": 7, "item": "tea", "count": 2}'),
    ),
    DecisionCase(
        "an order that says its count twice",
        "contract_json",
        **_order(b'{"item": "tea", "count": 2, "\\u0063ount": -2}'),
    ),
    DecisionCase("no order at all", "contract_body", **_order(b"")),
    DecisionCase(
        "a body where none is documented",
        "contract_no_body",
        "/shop/orders/7",
        "DELETE",
        headers=(*_bearer("buyer"), ("content-length", "2")),
        body=b"{}",
    ),
    DecisionCase(
        "a compressed body",
        "contract_media_type",
        "/shop/files",
        "POST",
        headers=(
            *_bearer("buyer"),
            ("content-type", "application/octet-stream"),
            ("content-encoding", "gzip"),
            ("content-length", "2"),
        ),
        body=b"\x1f\x8b",
    ),
    DecisionCase(
        "a documented parameter", "allow", "/shop/orders", query="limit=5", headers=_bearer("buyer")
    ),
    DecisionCase(
        "one beyond its maximum",
        "contract_parameter",
        "/shop/orders",
        query="limit=51",
        headers=_bearer("buyer"),
    ),
    DecisionCase(
        "one that nobody documented",
        "contract_parameter",
        "/shop/orders",
        query="debug=1",
        headers=_bearer("buyer"),
    ),
    DecisionCase("one in the path", "contract_parameter", "/shop/orders/x", headers=_bearer("buyer")),
    DecisionCase("an operation past its end", "sunset", "/shop/ended", headers=_bearer("buyer")),
    DecisionCase(
        "a stranger's body is not looked at",
        "no_credential",
        "/shop/orders",
        "POST",
        headers=(("content-type", "application/json"), ("content-length", "1")),
        body=b"{",
    ),
    # API keys
    DecisionCase("an unknown API key", "invalid_token", "/weather/forecast/bern", headers=_key("unknownkey")),
    DecisionCase("a damaged one", "invalid_token", "/weather/forecast/bern", headers=_key("damagedkey")),
    DecisionCase(
        "a foreign key that nobody knows",
        "invalid_token",
        "/weather/forecast/bern",
        headers=_with(("x-api-key", "sk_live_0")),
    ),
    DecisionCase(
        "a foreign key as a bearer token",
        "invalid_token",
        "/weather/forecast/bern",
        headers=_with(("authorization", "Bearer sk_live_51Hx/+=~")),
    ),
    DecisionCase("an access token as an API key", "invalid_token", headers=_key("reader")),
    DecisionCase("a refresh token as an API key", "invalid_token", headers=_key("refresh")),
    DecisionCase(
        "an empty API key", "invalid_token", "/weather/forecast/bern", headers=_with(("x-api-key", ""))
    ),
    DecisionCase(
        "two API keys in one header",
        "invalid_token",
        "/weather/forecast/bern",
        headers=_with(("x-api-key", "{apikey}, {apikey}")),
    ),
    DecisionCase(
        "the same key in both places",
        "several_credentials",
        "/weather/forecast/bern",
        headers=(*_bearer("apikey"), *_key("apikey")),
    ),
    DecisionCase(
        "twice in one place", "several_credentials", "/weather/forecast/bern", headers=_key("apikey") * 2
    ),
    DecisionCase(
        "an API key in the URL",
        "credential_in_url",
        "/weather/forecast/bern",
        query="api_key={apikey}",
        headers=(),
    ),
    DecisionCase(
        "and in a header too",
        "several_credentials",
        "/weather/forecast/bern",
        query="api-key={apikey}",
        headers=_key("apikey"),
    ),
    DecisionCase(
        "an API key as Basic",
        "wrong_scheme",
        "/weather/forecast/bern",
        headers=_with(("authorization", "Basic {apikey}")),
    ),
    DecisionCase("an API key of another API", "invalid_token", headers=_key("apikey")),
    DecisionCase("an API key at moderate", "insufficient_tier", headers=_key("bankkey")),
    DecisionCase(
        "an API key without a scope", "insufficient_tier", "/bank/transfers", "POST", headers=_key("bankkey")
    ),
    # Others who are trusted at one API and nowhere else
    DecisionCase("a JWT of another issuer", "allow", "/partner/orders", headers=_bearer("theirs")),
    DecisionCase("where nobody trusts it", "invalid_token", headers=_bearer("theirs")),
    DecisionCase("not even for that audience", "invalid_token", headers=_bearer("theirs_for_the_bank")),
    DecisionCase(
        "for the audience of another API",
        "invalid_token",
        "/partner/orders",
        headers=_bearer("theirs_for_the_bank"),
    ),
    DecisionCase(
        "of an issuer that nobody knows", "invalid_token", "/partner/orders", headers=_bearer("nobodys")
    ),
    DecisionCase(
        "without the scope", "insufficient_scope", "/partner/orders", "POST", headers=_bearer("theirs")
    ),
    DecisionCase("in X-API-Key", "invalid_token", "/partner/orders", headers=_key("theirs")),
    DecisionCase(
        "bound, with its proof",
        "allow",
        "/partner/payments",
        "POST",
        headers=_dpop("theirs_bound", "{proof of=theirs_bound}"),
    ),
    DecisionCase(
        "bound, without", "dpop_proof_refused", "/partner/payments", "POST", headers=_dpop("theirs_bound")
    ),
    DecisionCase(
        "bound, as a bearer token",
        "invalid_token",
        "/partner/payments",
        "POST",
        headers=_bearer("theirs_bound"),
    ),
    DecisionCase(
        "not bound, with a proof",
        "invalid_token",
        "/partner/orders",
        headers=_dpop("theirs", "{proof of=theirs}"),
    ),
    DecisionCase("their opaque token", "allow", "/partner/orders", headers=_bearer("their_opaque")),
    DecisionCase("their opaque token elsewhere", "invalid_token", headers=_bearer("their_opaque")),
    DecisionCase("in X-API-Key too", "invalid_token", "/partner/orders", headers=_key("their_opaque")),
    DecisionCase(
        "their bound opaque token",
        "allow",
        "/partner/payments",
        "POST",
        headers=_dpop("their_bound_opaque", "{proof of=their_bound_opaque}"),
    ),
    DecisionCase(
        "one that they do not know",
        "invalid_token",
        "/partner/orders",
        headers=_with(("authorization", "Bearer their-invention")),
    ),
    DecisionCase("our own token beside them", "allow", "/partner/orders", headers=_bearer("partner")),
    DecisionCase("our token for another API", "invalid_token", "/partner/orders", headers=_bearer("reader")),
    DecisionCase("our damaged token", "invalid_token", "/partner/orders", headers=_bearer("damaged")),
    DecisionCase(
        "two tokens of two issuers",
        "several_credentials",
        "/partner/orders",
        headers=(*_bearer("theirs"), *_bearer("partner")),
    ),
    # A user name and a password, where they are allowed by name
    DecisionCase("a password that is right", "allow", "/partner/reports", headers=_basic("reports")),
    DecisionCase(
        "the scheme in capitals",
        "allow",
        "/partner/reports",
        headers=_with(("authorization", "BASIC {reports}")),
    ),
    DecisionCase("a wrong one", "basic_refused", "/partner/reports", headers=_basic("guess")),
    DecisionCase("no base64", "basic_refused", "/partner/reports", headers=_basic("theirs")),
    DecisionCase("for more than low", "insufficient_tier", "/partner/orders", headers=_basic("reports")),
    DecisionCase("at another API", "wrong_scheme", "/weather/forecast/bern", headers=_basic("reports")),
    DecisionCase("as a bearer token", "invalid_token", "/partner/reports", headers=_bearer("reports")),
    DecisionCase(
        "beside a bearer token",
        "several_credentials",
        "/partner/reports",
        headers=(*_basic("reports"), *_bearer("partner")),
    ),
    DecisionCase(
        "beside an API key",
        "several_credentials",
        "/partner/reports",
        headers=(*_basic("reports"), *_key("apikey")),
    ),
    DecisionCase(
        "beside a credential in the URL",
        "several_credentials",
        "/partner/reports",
        query="access_token={partner}",
        headers=_basic("reports"),
    ),
    DecisionCase(
        "with a proof",
        "dpop_proof_refused",
        "/partner/reports",
        headers=(*_basic("reports"), ("dpop", "{proof}")),
    ),
    # A query that would change the method behind us
    DecisionCase("a query names another method", "method_override", query="_method=DELETE"),
    DecisionCase("percent-encoded", "method_override", query="a=1&%5Fmethod=DELETE"),
    DecisionCase("with what PHP takes for an underscore", "method_override", query=".Method=DELETE"),
    DecisionCase("as an array, behind a semicolon", "method_override", query="a;_method[]=DELETE"),
    DecisionCase("like a header", "method_override", query="X-HTTP-Method-Override=DELETE"),
    DecisionCase("like a header, with spaces", "method_override", query="x+http+method=DELETE"),
    DecisionCase(
        "an ordinary method is no other", "allow", query="method=card&payment_method=x&methods=y&_id=1"
    ),
    # Tokens that are bound to a key
    DecisionCase("a bound token with its proof", "allow", headers=_dpop("bound", "{proof}")),
    DecisionCase(
        "the scheme in lower case",
        "allow",
        headers=_with(("authorization", "dpop {bound}"), ("dpop", "{proof}")),
    ),
    DecisionCase(
        "the query is no part of the target", "allow", query="a=1", headers=_dpop("bound", "{proof}")
    ),
    DecisionCase(
        "a letter of the target percent-encoded",
        "allow",
        "/bank/accounts/m%65x",
        headers=_dpop("bound", "{proof htu=https://API.example:443/bank/accounts/mex?a#b}"),
    ),
    DecisionCase("without a proof", "dpop_proof_refused", headers=_dpop("bound")),
    DecisionCase("with two", "dpop_proof_refused", headers=_dpop("bound", "{proof}", "{proof}")),
    DecisionCase("with two in one header", "dpop_proof_refused", headers=_dpop("bound", "{proof},{proof}")),
    DecisionCase("as a bearer token", "invalid_token", headers=_bearer("bound")),
    DecisionCase(
        "as a bearer token, with its proof",
        "dpop_proof_refused",
        headers=(*_bearer("bound"), ("dpop", "{proof}")),
    ),
    DecisionCase("the proof as the token", "invalid_token", headers=_with(("authorization", "DPoP {proof}"))),
    DecisionCase(
        "the proof as a bearer token", "invalid_token", headers=_with(("authorization", "Bearer {proof}"))
    ),
    DecisionCase("a proof alone", "dpop_proof_refused", "/weather/about", headers=_with(("dpop", "{proof}"))),
    DecisionCase(
        "a proof beside an API key",
        "dpop_proof_refused",
        "/weather/forecast/bern",
        headers=(*_key("apikey"), ("dpop", "{proof}")),
    ),
    DecisionCase(
        "an API key under DPoP",
        "invalid_token",
        "/weather/forecast/bern",
        headers=_dpop("apikey", "{proof of=apikey}"),
    ),
    DecisionCase(
        "a token that is not bound, under DPoP", "invalid_token", headers=_dpop("reader", "{proof of=reader}")
    ),
    DecisionCase(
        "both schemes", "several_credentials", headers=(*_bearer("bound"), *_dpop("bound", "{proof}"))
    ),
    DecisionCase("a proof by another key", "dpop_proof_refused", headers=_dpop("bound", "{proof by=thief}")),
    DecisionCase("for another method", "dpop_proof_refused", headers=_dpop("bound", "{proof htm=POST}")),
    DecisionCase(
        "for another path",
        "dpop_proof_refused",
        headers=_dpop("bound", "{proof htu=https://api.example/bank/accounts/8}"),
    ),
    DecisionCase(
        "for another host",
        "dpop_proof_refused",
        headers=(
            *_dpop("bound", "{proof htu=https://evil.example/bank/accounts/7}"),
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
        ),
    ),
    DecisionCase(
        "for plain http",
        "dpop_proof_refused",
        headers=_dpop("bound", "{proof htu=http://api.example/bank/accounts/7}"),
    ),
    DecisionCase("for another token", "dpop_proof_refused", headers=_dpop("bound", "{proof of=mfa}")),
    DecisionCase("for no token", "dpop_proof_refused", headers=_dpop("bound", "{proof ath=}")),
    DecisionCase("without a nonce", "dpop_nonce_needed", headers=_dpop("bound", "{proof nonce=}")),
    DecisionCase("with a nonce of its own", "dpop_nonce_needed", headers=_dpop("bound", "{proof nonce=x}")),
    DecisionCase(
        "at the API of another audience",
        "invalid_token",
        "/weather/forecast/bern",
        headers=_dpop("bound", "{proof}"),
    ),
    DecisionCase(
        "a header that looks like DPoP is none",
        "dpop_proof_refused",
        headers=(*_dpop("bound"), ("dpop_", "{proof}")),
    ),
    # The tiers high and critical
    DecisionCase("high: a bound token", "allow", "/bank/payments", "POST", headers=_dpop("bound", "{proof}")),
    DecisionCase(
        "high: a bearer token", "insufficient_tier", "/bank/payments", "POST", headers=_bearer("writer")
    ),
    DecisionCase("high: no credential", "no_credential", "/bank/payments", "POST", headers=()),
    DecisionCase(
        "critical: a person with two factors, from a client with a key",
        "allow",
        "/bank/payouts",
        "POST",
        headers=_dpop("mfa", "{proof of=mfa}"),
    ),
    DecisionCase(
        "critical: a client with a secret",
        "insufficient_tier",
        "/bank/payouts",
        "POST",
        headers=_dpop("bound", "{proof}"),
    ),
    DecisionCase(
        "critical: nobody but a machine",
        "insufficient_tier",
        "/bank/payouts",
        "POST",
        headers=_dpop("machine", "{proof of=machine}"),
    ),
    DecisionCase(
        "critical: one factor",
        "step_up_needed",
        "/bank/payouts",
        "POST",
        headers=_dpop("pwd", "{proof of=pwd}"),
    ),
    DecisionCase(
        "critical: two factors, too long ago",
        "step_up_needed",
        "/bank/payouts",
        "POST",
        headers=_dpop("stale", "{proof of=stale}"),
    ),
    # Audience, tier, scope
    DecisionCase("another API's token", "invalid_token", headers=_bearer("weather")),
    DecisionCase("an API key's token at moderate", "insufficient_tier", headers=_bearer("key")),
    DecisionCase("a token that lives an hour at moderate", "insufficient_tier", headers=_bearer("longlived")),
    DecisionCase(
        "the scope of another operation", "insufficient_scope", method="POST", path="/bank/transfers"
    ),
    DecisionCase("one scope of two", "insufficient_scope", "/bank/accounts/me"),
    DecisionCase(
        "no authorization details",
        "insufficient_authorization_details",
        "/bank/orders",
        "POST",
        headers=_bearer("writer"),
    ),
    DecisionCase(
        "authorization details of another type",
        "insufficient_authorization_details",
        "/bank/orders",
        "POST",
        headers=_bearer("looker"),
    ),
    DecisionCase("authorization details", "allow", "/bank/orders", "POST", headers=_bearer("payer")),
    DecisionCase("authorization details and no scope", "insufficient_scope", headers=_bearer("payer")),
    # Limits
    DecisionCase("an address above its limit", "rate_limited", "/weather/busy", headers=()),
    DecisionCase("with whatever credential", "rate_limited", "/weather/busy", headers=_bearer("damaged")),
    DecisionCase("a client above its limit", "rate_limited", "/weather/spent", headers=_bearer("weather")),
    DecisionCase("another client", "allow", "/weather/spent", headers=_key("apikey")),
    DecisionCase("a bad token counts nowhere", "invalid_token", "/weather/spent", headers=_bearer("damaged")),
    # Pages of other origins
    DecisionCase("a preflight", "preflight", "/pages/notes", "OPTIONS", headers=_asks("PUT")),
    DecisionCase(
        "with headers", "preflight", "/pages/notes", "OPTIONS", headers=_asks("PUT", "authorization, dpop")
    ),
    DecisionCase(
        "in other letters and empty places",
        "preflight",
        "/pages/notes",
        "OPTIONS",
        headers=_asks("GET", " X-API-Key,,Content-Type,"),
    ),
    DecisionCase(
        "a preflight from another origin",
        "preflight_refused",
        "/pages/notes",
        "OPTIONS",
        headers=_asks("PUT", origin="https://evil.example"),
    ),
    *(
        DecisionCase(
            f"from {origin!r}",
            "preflight_refused",
            "/pages/notes",
            "OPTIONS",
            headers=_asks("PUT", origin=origin),
        )
        for origin in (
            "null",
            "*",
            "",
            "http://app.example",
            "https://app.example:8443",
            "https://APP.example",
            "https://app.example/",
            "https://app.example.evil.example",
            "https://x.app.example",
        )
    ),
    DecisionCase(
        "for a header that pages may not send",
        "preflight_refused",
        "/pages/notes",
        "OPTIONS",
        headers=_asks("PUT", "authorization, x-role"),
    ),
    DecisionCase("for any header", "preflight_refused", "/pages/notes", "OPTIONS", headers=_asks("PUT", "*")),
    DecisionCase(
        "for a documented method that pages may not use",
        "preflight_refused",
        "/pages/notes",
        "OPTIONS",
        headers=_asks("DELETE"),
    ),
    DecisionCase(
        "for an undocumented method", "undocumented_method", "/pages/notes", "OPTIONS", headers=_asks("PATCH")
    ),
    DecisionCase(
        "for a method in small letters",
        "undocumented_method",
        "/pages/notes",
        "OPTIONS",
        headers=_asks("put"),
    ),
    DecisionCase("for TRACE", "undocumented_method", "/pages/notes", "OPTIONS", headers=_asks("TRACE")),
    DecisionCase(
        "for an undocumented path", "undocumented", "/pages/secrets", "OPTIONS", headers=_asks("GET")
    ),
    DecisionCase(
        "at an API without CORS", "undocumented_method", "/bank/accounts/7", "OPTIONS", headers=_asks("GET")
    ),
    DecisionCase(
        "for a path that can be read in two ways",
        "ambiguous_path",
        "/pages/../notes",
        "OPTIONS",
        headers=_asks("GET"),
    ),
    DecisionCase(
        "with two origins",
        "malformed_request",
        "/pages/notes",
        "OPTIONS",
        headers=(*_asks("PUT"), ("origin", "https://evil.example")),
    ),
    DecisionCase(
        "with a malformed header",
        "malformed_request",
        "/pages/notes",
        "OPTIONS",
        headers=(*_asks("PUT"), ("x-note", "caf\xe9")),
    ),
    DecisionCase(
        "with another method in its query",
        "method_override",
        "/pages/notes",
        "OPTIONS",
        "_method=DELETE",
        headers=_asks("PUT"),
    ),
    DecisionCase(
        "OPTIONS that asks nothing",
        "undocumented_method",
        "/pages/notes",
        "OPTIONS",
        headers=(("origin", "https://app.example"),),
    ),
    DecisionCase("a question that is no OPTIONS", "no_credential", "/pages/notes", headers=_asks("PUT")),
    DecisionCase(
        "a page of another origin with a good token",
        "allow",
        "/pages/notes",
        headers=(*_bearer("pager"), ("origin", "https://evil.example")),
    ),
    # Path and method
    DecisionCase("undocumented", "undocumented", "/bank/secrets"),
    DecisionCase("below a documented path", "undocumented", "/bank/accounts/7/x"),
    DecisionCase("a parameter is never empty", "undocumented", "/bank/accounts/"),
    DecisionCase("the mount itself", "undocumented", "/bank"),
    DecisionCase("no API there", "undocumented", "/banking/accounts/7"),
    DecisionCase("in other letters", "undocumented", "/BANK/accounts/7"),
    DecisionCase("a literal in other letters is no parameter", "undocumented", "/bank/accounts/ME"),
    DecisionCase("nor with one of them percent-encoded", "undocumented", "/bank/accounts/%4De"),
    DecisionCase(
        "query that looks like a path", "undocumented", "/bank/secrets", query="/weather/about", headers=()
    ),
    DecisionCase("undocumented method", "undocumented_method", method="DELETE"),
    DecisionCase("GET implies no HEAD", "undocumented_method", "/weather/about", method="HEAD", headers=()),
    DecisionCase("OPTIONS is nothing special", "undocumented_method", method="OPTIONS", headers=()),
    DecisionCase("TRACE", "undocumented_method", method="TRACE", headers=()),
    DecisionCase("the more specific path decides", "undocumented_method", "/bank/accounts/me", method="HEAD"),
    DecisionCase(
        "health checkers get no exception", "no_credential", headers=_with(("user-agent", "kube-probe/1.30"))
    ),
    DecisionCase("dot segment", "ambiguous_path", "/bank/public/../admin"),
    DecisionCase("encoded dots", "ambiguous_path", "/bank/public/%2e%2e/admin"),
    DecisionCase("half encoded dots", "ambiguous_path", "/bank/public/.%2E"),
    DecisionCase("single dot", "ambiguous_path", "/bank/./admin"),
    DecisionCase("dots and a space", "ambiguous_path", "/bank/public/..%20/admin"),
    DecisionCase("encoded slash", "ambiguous_path", "/bank/public/..%2fadmin"),
    DecisionCase("encoded backslash", "ambiguous_path", "/bank/public/..%5cadmin"),
    DecisionCase("empty segment", "ambiguous_path", "/bank//admin"),
    DecisionCase("double encoding", "ambiguous_path", "/bank/public/%252e%252e%252fadmin"),
    DecisionCase("NUL", "ambiguous_path", "/bank/public/a%00.html"),
    DecisionCase("line feed", "ambiguous_path", "/bank/public/a%0ab"),
    DecisionCase("over-long slash", "ambiguous_path", "/bank/public/%c0%af"),
    DecisionCase("over-long dot", "ambiguous_path", "/bank/public/%c0%ae%c0%ae"),
    DecisionCase("full-width solidus", "ambiguous_path", "/bank/public/%ef%bc%8fadmin"),
    DecisionCase("two-dot leader", "ambiguous_path", "/bank/public/%e2%80%a5"),
    DecisionCase("division slash", "ambiguous_path", "/bank/public/x%e2%88%95admin"),
    DecisionCase("not in form C", "ambiguous_path", "/bank/public/e%cc%81"),
    DecisionCase("path parameter", "ambiguous_path", "/bank/public/..;/admin"),
    DecisionCase("matrix parameter", "ambiguous_path", "/bank/admin;x=1"),
    DecisionCase("encoded semicolon", "ambiguous_path", "/bank/admin%3bx"),
    DecisionCase("encoded number sign", "ambiguous_path", "/bank/admin%23/public"),
    DecisionCase("encoded question mark", "ambiguous_path", "/bank/admin%3fpublic"),
    DecisionCase("cut percent sign", "ambiguous_path", "/bank/public/%4"),
    DecisionCase("no hexadecimal", "ambiguous_path", "/bank/public/%zz"),
    # Sessions of browser apps
    DecisionCase("a session", "allow", headers=_session("reader")),
    DecisionCase("a session, by a page", "allow", headers=(*_session("reader"), _FROM_HERE)),
    DecisionCase("a session at what is public", "allow", "/bank/public/x", headers=_session("reader")),
    DecisionCase(
        "a link to what is public", "allow", "/bank/public/x", headers=_session("nothing", csrf=None)
    ),
    DecisionCase("a link to what is not", "foreign_page", headers=_session("reader", csrf=None)),
    DecisionCase("a session with a wrong header", "foreign_page", headers=_session("reader", csrf="0")),
    DecisionCase(
        "a session with the header twice",
        "foreign_page",
        headers=(*_session("reader"), ("tokenward-csrf", "1")),
    ),
    DecisionCase("a page of another site", "foreign_page", headers=(*_session("reader"), _ELSEWHERE)),
    DecisionCase(
        "a frame of another site",
        "foreign_page",
        headers=(*_session("reader"), ("sec-fetch-site", "cross-site")),
    ),
    DecisionCase("a session changes something", "allow", **_changes(_FROM_HERE)),
    DecisionCase(
        "a session changes something, by Fetch Metadata",
        "allow",
        **_changes(("sec-fetch-site", "same-origin")),
    ),
    DecisionCase("nobody says which page changes something", "foreign_page", **_changes()),
    DecisionCase("a form of another site", "foreign_page", **_changes(_ELSEWHERE, csrf=None)),
    DecisionCase("a form of our own", "foreign_page", **_changes(_FROM_HERE, csrf=None)),
    DecisionCase("a script of another site", "foreign_page", **_changes(_ELSEWHERE)),
    DecisionCase("a sandboxed frame", "foreign_page", **_changes(("origin", "null"))),
    DecisionCase("a sibling's page", "foreign_page", **_changes(("origin", "https://sibling.api.example"))),
    DecisionCase(
        "a sibling's page, by Fetch Metadata", "foreign_page", **_changes(("sec-fetch-site", "same-site"))
    ),
    DecisionCase("the same host by plain http", "foreign_page", **_changes(("origin", "http://api.example"))),
    DecisionCase("typed in by the person", "foreign_page", **_changes(("sec-fetch-site", "none"))),
    DecisionCase("a session that ended", "session_ended", headers=_session("nothing")),
    DecisionCase(
        "a session that ended, at what is public",
        "session_ended",
        "/bank/public/x",
        headers=_session("nothing"),
    ),
    DecisionCase(
        "session and bearer", "several_credentials", headers=(*_session("reader"), *_bearer("reader"))
    ),
    DecisionCase(
        "session and API key", "several_credentials", headers=(*_session("reader"), ("x-api-key", "k"))
    ),
    DecisionCase(
        "session and query", "several_credentials", query="access_token=x", headers=_session("reader")
    ),
    DecisionCase(
        "a session beside a planted one",
        "several_credentials",
        headers=_with(("cookie", f"{COOKIE}={{reader}}; {COOKIE}={{reader}}"), ("tokenward-csrf", "1")),
    ),
    DecisionCase(
        "session and proof", "dpop_proof_refused", headers=(*_session("reader"), ("dpop", "{proof}"))
    ),
    DecisionCase("a token as a session's name", "session_ended", headers=_session("bound", known=False)),
    DecisionCase(
        "a session where no application may call",
        "no_credential",
        "/weather/forecast/bern",
        headers=_session("weather"),
    ),
    DecisionCase(
        "a session is bound to nothing",
        "insufficient_tier",
        "/bank/payments",
        "POST",
        headers=(*_session("writer"), _FROM_HERE),
    ),
    DecisionCase(
        "a session whose token is bound to a key that nobody proves",
        "invalid_token",
        "/bank/payouts",
        "POST",
        headers=(*_session("mfa"), _FROM_HERE),
    ),
    DecisionCase(
        "a session without the scope", "insufficient_scope", "/bank/admin", headers=_session("reader")
    ),
    # Headers
    DecisionCase(
        "protocol upgrade", "upgrade_refused", headers=(*_bearer("reader"), ("upgrade", "websocket"))
    ),
    DecisionCase(
        "two hosts", "malformed_request", headers=(*_bearer("reader"), ("host", "a"), ("host", "b"))
    ),
    DecisionCase(
        "Latin-1 in a value", "malformed_request", headers=(*_bearer("reader"), ("x-note", "caf\xe9"))
    ),
)
