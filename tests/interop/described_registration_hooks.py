"""What schemathesis is told of registration beside the document; imported without Tokenward."""

import os
import re

import schemathesis
from described_peers import come_from_elsewhere

TOKENS: dict[str, str] = {}
"""The registration access token of each client, which changes when the registration does."""
REMOVED: set[str] = set()
ID = re.compile("[0-9A-Za-z]{22}")


@schemathesis.auth(refresh_interval=None)
class Shown:
    """The token that the operation asks for: another one for each client."""

    def get(self, case, _ctx):
        """That of the client that is named, which is one that there is where any could be meant."""
        invitation = os.environ["INVITATION"]
        if case.method == "POST":
            return invitation
        named = str((case.query or {}).get("client_id"))
        if ID.fullmatch(named) and named not in {*TOKENS, *REMOVED} and TOKENS:
            named = case.query["client_id"] = next(reversed(TOKENS))
        return TOKENS.get(named, invitation)

    def set(self, case, data, _ctx):
        """By the header of RFC 6750 §2.1."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.check
def what_was_removed_is_gone(_ctx, response, case):
    """RFC 7592 §2.3: neither the client nor its token is good for anything afterwards."""
    named = str((case.query or {}).get("client_id"))
    assert not (named in REMOVED and response.status_code < 300), (
        f"{case.method} of a client that was removed"
    )
    if case.method == "DELETE" and response.status_code == 204:
        REMOVED.add(named)
        del TOKENS[named]


@schemathesis.hook
def before_call(_ctx, case, _kwargs):
    """Come from an address that has not been seen before, and say what can be registered."""
    come_from_elsewhere(case)
    named = str((case.query or {}).get("client_id"))
    if named in TOKENS and "_ra_" in case.headers.get("Authorization", ""):  # which may have changed since
        case.headers["Authorization"] = f"Bearer {TOKENS[named]}"
    if not isinstance(case.body, dict):
        return
    if ID.fullmatch(str(case.body.get("client_id"))):
        case.body["client_id"] = (case.query or {}).get("client_id")
    uris = case.body.get("redirect_uris")
    if (
        isinstance(uris, list)
        and 0 < len(uris) <= 20
        and all(re.fullmatch("[!-~]+", str(each)) for each in uris)
    ):
        case.body["redirect_uris"] = ["https://app.example/callback"]
    # What no schema says goes together: keys, where they are, and who proves itself by them.
    as_documented = isinstance(case.body.get("jwks", {}), dict) and re.match(
        "https:|$", str(case.body.get("jwks_uri", ""))
    )
    if as_documented and case.body.get("token_endpoint_auth_method") != "private_key_jwt":
        case.body = {name: value for name, value in case.body.items() if not name.startswith("jwks")}


@schemathesis.hook
def after_call(_ctx, case, response):
    """Keep the token that was given out."""
    if case.method in ("POST", "PUT") and response.status_code in (200, 201):
        told = response.json()
        TOKENS[told["client_id"]] = told["registration_access_token"]
