"""The authorization code flow, first half: out to the authorize endpoint and back (RFC 6749 §4.1)."""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tokenward.base.entropy import identifier
from tokenward.base.forms import parse_form
from tokenward.base.problems import Refusal
from tokenward.base.secret import Secret
from tokenward.flows import pkce
from tokenward.flows.errors import FlowError


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One request, to be kept by the client until its answer comes. Make it with `begin`.

    Attributes:
        endpoint: the server's authorize endpoint.
        client_id: who asks.
        redirect_uri: where the answer goes; exactly as registered.
        scope: the scopes asked for.
        resource: the API that the token is for (RFC 8707), or "".
        state: ties the answer to this browser (RFC 6749 §10.12).
        nonce: ties an ID token to this request (OpenID Connect Core §3.1.2.1).
        dpop_jkt: the thumbprint of the key that will redeem the code (RFC 9449 §10), or "".
        verifier: the PKCE code verifier, which goes to the token endpoint only.
        max_age: how many seconds ago the person may have signed in (OpenID Connect Core §3.1.2.1), or None.
        acr_values: how well they should have, the best first.
        prompt: what should happen, such as `login`, or "".
        authorization_details: what exactly is asked for beside scopes, an element each (RFC 9396 §2).
    """

    endpoint: str
    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    resource: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: Secret
    dpop_jkt: str = ""
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    prompt: str = ""
    authorization_details: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def begin(
        cls,
        endpoint: str,
        *,
        client_id: str,
        redirect_uri: str,
        scope: Iterable[str] = (),
        resource: str = "",
        dpop_jkt: str = "",
        max_age: int | None = None,
        acr_values: Iterable[str] = (),
        prompt: str = "",
        authorization_details: Iterable[Mapping[str, Any]] = (),
    ) -> "AuthorizationRequest":
        """A request with fresh `state`, `nonce` and code verifier."""
        return cls(
            endpoint=endpoint,
            client_id=client_id,
            redirect_uri=redirect_uri,
            scope=tuple(scope),
            resource=resource,
            state=identifier(),
            nonce=identifier(),
            verifier=pkce.new_verifier(),
            dpop_jkt=dpop_jkt,
            max_age=max_age,
            acr_values=tuple(acr_values),
            prompt=prompt,
            authorization_details=tuple(authorization_details),
        )

    @property
    def parameters(self) -> dict[str, str]:
        """What is asked, without what is not."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.scope),
            "resource": self.resource,
            "state": self.state,
            "nonce": self.nonce if "openid" in self.scope else "",
            "code_challenge": pkce.challenge(self.verifier.reveal()),
            "code_challenge_method": "S256",
            "dpop_jkt": self.dpop_jkt,
            "max_age": "" if self.max_age is None else str(self.max_age),
            "acr_values": " ".join(self.acr_values),
            "prompt": self.prompt,
            "authorization_details": details_text(self.authorization_details),
        }
        return {name: value for name, value in parameters.items() if value}

    @property
    def url(self) -> str:
        """Where to send the browser."""
        return self._asking(self.parameters)

    def pushed_url(self, request_uri: str) -> str:
        """Where to send the browser, once the server has been told the rest (RFC 9126 §4)."""
        return self._asking({"client_id": self.client_id, "request_uri": request_uri})

    def _asking(self, parameters: Mapping[str, str]) -> str:
        separator = "&" if "?" in self.endpoint else "?"
        return self.endpoint + separator + urlencode(parameters)


def details_text(details: Sequence[Mapping[str, Any]]) -> str:
    """Authorization details as a parameter has them; "" for none."""
    return json.dumps(list(details), ensure_ascii=False, separators=(",", ":")) if details else ""


def read_callback(
    url_or_query: str, request: AuthorizationRequest, issuer: str, *, names_issuer: bool = True
) -> Secret:
    """The authorization code in the answer to `request`.

    Args:
        url_or_query: the redirect as it came back: the whole URL, or what follows its question mark.
        request: what was asked.
        issuer: the server that was asked; `iss` must name it (RFC 9207 §2.4), against mix-up.
        names_issuer: whether the server tells its `iss`. False for one whose metadata does not say that it
            does: then a missing one is no sign of anything, and a wrong one is refused all the same. Such a
            server needs a redirect URI of its own (RFC 9700 §4.4.2.2).

    Raises:
        FlowError: the server refused, or the answer is not the answer to this request.
    """
    before, mark, after = url_or_query.partition("#")[0].partition("?")
    query = after if mark else before
    try:
        answer = parse_form(query.encode("utf-8", "replace"))
    except Refusal as refusal:
        raise FlowError("malformed_response", refusal.problem.text) from None
    if not hmac.compare_digest(answer.get("state", "").encode(), request.state.encode()):
        raise FlowError("state_mismatch", "the answer belongs to another request")
    if answer.get("iss", issuer if not names_issuer else None) != issuer:
        raise FlowError("issuer_mismatch", "the answer does not come from the server that was asked")
    if "error" in answer:
        raise server_error(answer.get("error"), answer.get("error_description"))
    if "code" not in answer:
        raise FlowError("malformed_response", "neither code nor error")
    return Secret(answer["code"])


_MAX_TEXT = 200


def server_error(code: object, description: object) -> FlowError:
    """An error as the server tells it, cut to printable ASCII (RFC 6749 §4.1.2.1), fit to be logged."""
    return FlowError(printable(code) or "malformed_response", printable(description))


def printable(value: object) -> str:
    """What of a text can be shown and logged: printable ASCII, and not too much of it."""
    text = value if isinstance(value, str) else ""
    return "".join(character for character in text if " " <= character <= "~")[:_MAX_TEXT]
