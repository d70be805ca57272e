"""A person signs in to a web application: the relying party's side of OpenID Connect Core §3.1, without I/O.

`begin` makes what is kept while the browser is away, and where to send it. When it is back, `PendingLogin`
says which code to redeem (`code`), with what (`form`), and what the ID token that comes must be the answer to
(`expected`). Whoever sends keeps the record where only this browser reaches it, and lets each count once.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tokenward.base.secret import Secret
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.errors import FlowError
from tokenward.flows.metadata import ServerMetadata
from tokenward.flows.token import TokenResponse, authorization_code
from tokenward.tokens import strict_json
from tokenward.tokens.id_token import SignIn

LIFETIME = 15 * 60
"""Seconds that a person may take at the provider."""
MAX_NEXT = 2048
"""Characters of an address to go on to."""

# A path of this origin in the characters that URLs have: no second slash or backslash that would begin a host
# (WHATWG URL §4.4), no backslash at all, no space, no line break, nothing beyond ASCII.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks for sign-ins, and of whom.

    Attributes:
        issuer: the provider, exactly.
        client_id: our name there.
        redirect_uri: where browsers come back to; for this provider only (RFC 9700 §4.4.2.2).
        scope: what is asked for, `openid` among it: without it, nobody says who signed in.
        resource: the API that the access token is for (RFC 8707), or "".

    Raises:
        ValueError: `openid` is not among the scopes.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    scope: tuple[str, ...] = ("openid",)
    resource: str = ""

    def __post_init__(self) -> None:
        if "openid" not in self.scope:
            raise ValueError(
                "the scope must hold `openid`: without an ID token nobody says who signed in, and an access "
                "token does not"
            )


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A sign-in that is under way.

    Attributes:
        party: who asked.
        request: what was asked.
        next: where it leads: a path of ours.
        end: until when the answer is waited for, seconds since the epoch.
    """

    party: RelyingParty
    request: AuthorizationRequest
    next: str
    end: float = field(compare=False)

    def written(self) -> bytes:
        """What is to be kept, as bytes to be sealed: it holds the code verifier."""
        request = self.request
        content = {
            "state": request.state,
            "nonce": request.nonce,
            "verifier": request.verifier.reveal(),
            "max_age": request.max_age,
            "acr_values": list(request.acr_values),
            "next": self.next,
            "end": self.end,
        }
        return json.dumps(content).encode()

    def code(self, query: str, *, names_issuer: bool, now: float) -> Secret:
        """The code in the answer.

        Args:
            query: what came back, behind the question mark.
            names_issuer: whether the provider tells its `iss` (RFC 9207 §3).
            now: seconds since the epoch.

        Raises:
            FlowError: it is not the answer to this, it came too late, or the provider refused.
        """
        if self.end <= now:
            raise FlowError("too_late", "the sign-in took too long")
        return read_callback(query, self.request, self.party.issuer, names_issuer=names_issuer)

    def form(self, code: Secret) -> bytes:
        """The body of the token request (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
        return authorization_code(code, self.request)

    def expected(self, response: TokenResponse) -> tuple[str, SignIn]:
        """The ID token that came, and what it must be the answer to.

        Raises:
            FlowError: none came.
        """
        if response.id_token is None:
            raise FlowError(
                "no_id_token",
                "the provider sent no ID token, and an access token does not say who signed in",
            )
        return response.id_token.reveal(), SignIn(
            nonce=self.request.nonce,
            access_token=response.access_token.reveal(),
            code=None,
            max_age=self.request.max_age,
            acr_values=self.request.acr_values,
        )


def begin(
    server: ServerMetadata,
    party: RelyingParty,
    *,
    now: float,
    next: str = "/",  # noqa: A002 - what the parameter is called everywhere
    max_age: int | None = None,
    acr_values: Iterable[str] = (),
    prompt: str = "",
) -> PendingLogin:
    """A sign-in with fresh `state`, `nonce` and code verifier; the browser goes to `request.url`.

    Args:
        server: what the provider says of itself.
        party: who asks.
        now: seconds since the epoch.
        next: where it leads; what is no path of ours counts as "/".
        max_age: how many seconds ago the person may have signed in, or None.
        acr_values: how well they should have, the best first; the ID token must name one of them.
        prompt: what should happen, such as `login`, or "".

    Raises:
        FlowError: the provider has no authorization endpoint.
    """
    if not server.authorization_endpoint:
        raise FlowError("wrong_metadata", f"{server.issuer} has no authorization endpoint")
    request = AuthorizationRequest.begin(
        server.authorization_endpoint,
        client_id=party.client_id,
        redirect_uri=party.redirect_uri,
        scope=party.scope,
        resource=party.resource,
        max_age=max_age,
        acr_values=acr_values,
        prompt=prompt,
    )
    return PendingLogin(party, request, safe_next(next), now + LIFETIME)


def resumed(content: bytes, party: RelyingParty) -> PendingLogin:
    """What `written` wrote for this party, of bytes that nobody changed."""
    said = json.loads(content)
    request = AuthorizationRequest(
        endpoint="",
        client_id=party.client_id,
        redirect_uri=party.redirect_uri,
        scope=party.scope,
        resource=party.resource,
        state=said["state"],
        nonce=said["nonce"],
        verifier=Secret(said["verifier"]),
        max_age=said["max_age"],
        acr_values=tuple(said["acr_values"]),
    )
    return PendingLogin(party, request, safe_next(said["next"]), said["end"])


def safe_next(text: str) -> str:
    """`text` if it is a path of this origin, with its query; else "/", so that nobody is led elsewhere."""
    return text if len(text) <= MAX_NEXT and _LOCAL.fullmatch(text) else "/"


def read_userinfo(body: bytes, subject: str) -> dict[str, object]:
    """What the userinfo endpoint tells about exactly this subject (Core §5.3.2).

    Raises:
        FlowError: it is no JSON object, or about somebody else.
    """
    try:
        said = strict_json.read_object(body)
    except ValueError:
        raise FlowError("malformed_response", "the userinfo is no JSON object") from None
    if said.get("sub") != subject:
        raise FlowError("malformed_response", "the userinfo is about somebody else")
    return said
