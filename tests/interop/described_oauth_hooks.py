"""What schemathesis is told of the OAuth endpoints beside the document; imported without Tokenward."""

import base64
import itertools
import os

import schemathesis
from described_peers import come_from_elsewhere

CLIENTS = {"/token": "report", "/par": "site", "/introspect": "report", "/revoke": "report"}
IN_THE_BODY = ("client_secret", "client_assertion", "client_assertion_type")
TURNS = itertools.count()
KNOWN = {
    "/token": {"grant_type": "client_credentials", "scope": "forecast:read"},
    "/device_authorization": {"scope": "forecast:read"},
    "/par": {
        "redirect_uri": "https://app.example/callback",
        "scope": "forecast:read",
        "response_type": "code",
    },
}


@schemathesis.auth(refresh_interval=None)
class Client:
    """By a secret in the header, for those that have one."""

    def get(self, case, _ctx):
        """Nothing where nobody is asked."""
        name = CLIENTS.get(case.path)
        return None if name is None else f"{name}:{os.environ[f'SECRET_{name.upper()}']}"

    def set(self, case, data, _ctx):
        """RFC 6749 §2.3.1."""
        case.headers["Authorization"] = "Basic " + base64.b64encode(data.encode()).decode()


@schemathesis.check
def a_token_comes_only_to_who_proved_it(_ctx, response, case):
    """No answer has a token or a handle unless the client is known."""
    known = case.headers.get("Authorization", "").startswith("Basic") or "client_id" in str(case.body)
    assert known or case.path not in ("/token", "/par") or response.status_code >= 400
    asked = response.request.method == "POST"
    if (
        asked
        and response.status_code in (200, 201)
        and case.path in ("/token", "/par", "/device_authorization")
    ):
        assert response.headers["cache-control"] == ["no-store"], "this can be kept by a cache"


@schemathesis.check
def nobody_signs_in_for_what_is_not_documented(_ctx, response, case):
    """What is wrong with a request is told before a person is asked for anything."""
    negative = case.meta is not None and case.meta.generation.mode.is_negative
    if negative and case.method == "GET" and response.status_code == 303:
        assert not response.headers["location"][0].startswith("/sign-in"), "it was let in"


@schemathesis.hook
def before_call(_ctx, case, _kwargs):
    """Come from an address that has not been seen before, with a request that can be good."""
    come_from_elsewhere(case)
    if isinstance(case.body, dict) and case.meta is not None and case.meta.generation.mode.is_positive:
        proved = "Authorization" in case.headers
        without = IN_THE_BODY + (("client_id",) if proved else ())
        case.body = {name: value for name, value in case.body.items() if name not in without}
        if next(TURNS) % 2:  # no `random`, for the reason in described_peers.py
            case.body |= KNOWN.get(case.path, {})
        if case.path == "/device_authorization":
            case.body["client_id"] = "tv"
