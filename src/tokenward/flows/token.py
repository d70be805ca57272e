"""The token endpoint from the client's side (RFC 6749 §3.2): request bodies and the answer."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

from tokenward.base.forms import parse_form
from tokenward.base.secret import Secret
from tokenward.flows.authorization import AuthorizationRequest, details_text, server_error
from tokenward.flows.errors import FlowError
from tokenward.tokens import strict_json

FORM = "application/x-www-form-urlencoded"

LONGEST_TOKEN = 32_768
"""Characters; servers of HTTP take headers of 8,000 to 64,000 bytes."""

_VISIBLE = re.compile(r"[ -~]+")


def client_credentials(
    *,
    scope: Iterable[str] = (),
    resource: str = "",
    authorization_details: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """The body of the client credentials grant (§4.4.2), with what exactly is asked for (RFC 9396 §6)."""
    return form(
        grant_type="client_credentials",
        scope=" ".join(scope),
        resource=resource,
        authorization_details=details_text(authorization_details),
    )


def authorization_code(code: Secret, request: AuthorizationRequest, *, public: bool = False) -> bytes:
    """The body that redeems an authorization code (§4.1.3, RFC 7636 §4.5).

    Args:
        code: what `read_callback` gave.
        request: the request it answers.
        public: the client has no secret and names itself here (§3.2.1).
    """
    return form(
        grant_type="authorization_code",
        code=code.reveal(),
        redirect_uri=request.redirect_uri,
        code_verifier=request.verifier.reveal(),
        client_id=request.client_id if public else "",
    )


def refresh_token(token: Secret, *, scope: Iterable[str] = (), client_id: str = "") -> bytes:
    """The body that refreshes (§6); `client_id` only for a client without a secret."""
    return form(
        grant_type="refresh_token", refresh_token=token.reveal(), scope=" ".join(scope), client_id=client_id
    )


def jwt_bearer(
    assertion: Secret, *, client_id: str = "", scope: Iterable[str] = (), resource: str = ""
) -> bytes:
    """The body that turns somebody's assertion into a token (RFC 7523 §2.1, RFC 7521 §4.1)."""
    return form(
        grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion=assertion.reveal(),
        client_id=client_id,
        scope=" ".join(scope),
        resource=resource,
    )


def token_exchange(
    subject: tuple[Secret, str],
    *,
    actor: tuple[Secret, str] | None = None,
    scope: Iterable[str] = (),
    resource: str = "",
    audience: str = "",
) -> bytes:
    """The body that turns one token into another (RFC 8693 §2.1).

    Args:
        subject: the token that stands for whom the new one is, and its type (§3).
        actor: the token of who acts for them, and its type, or None.
        scope: what is asked for.
        resource: the API that the new one is for, an absolute URL.
        audience: the same by a name that the server knows.
    """
    acts = actor or (Secret(""), "")
    return form(
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token=subject[0].reveal(),
        subject_token_type=subject[1],
        actor_token=acts[0].reveal(),
        actor_token_type=acts[1],
        requested_token_type="urn:ietf:params:oauth:token-type:access_token",  # noqa: S106 - a type
        scope=" ".join(scope),
        resource=resource,
        audience=audience,
    )


def with_parameters(form: bytes, parameters: Mapping[str, str]) -> bytes:
    """The form with more in it; what is there already under the same name stays as it is, once."""
    before = parse_form(form)
    return urlencode({**parameters, **before}).encode()


def basic_authorization(client_id: str, secret: Secret) -> str:
    """The `Authorization` value of `client_secret_basic`; both parts form-encoded before base64 (§2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A successful answer (§5.1).

    Attributes:
        access_token: the token.
        expires_in: its life in seconds, or None where the server does not say.
        scope: what was granted; None means what was asked for.
        refresh_token: the next refresh token, or None.
        id_token: who signed in (OpenID Connect Core §3.1.3.3), or None.
        authorization_details: what exactly was granted beside scopes, an element each (RFC 9396 §7).
    """

    access_token: Secret
    expires_in: int | None = None
    scope: str | None = None
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    authorization_details: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def parse(
        cls,
        status: int,
        body: bytes,
        *,
        token_type: str = "Bearer",  # noqa: S107 - a type, not a token
    ) -> "TokenResponse":
        """Read the answer of the token endpoint.

        Args:
            status: the HTTP status.
            body: the JSON.
            token_type: the one that was asked for: `DPoP` where the request had a proof. A server that does
                not know proofs answers `Bearer`, and that token must not be used (RFC 9449 §5).

        Raises:
            FlowError: the server refused, or the answer is none that RFC 6749 knows.
        """
        answer = json_answer(status, body)
        if status != 200:
            raise server_error(answer.get("error"), answer.get("error_description"))
        kind = text_of(answer, "token_type", required=True)
        if kind is None or kind.lower() != token_type.lower():  # RFC 6749 §7.1: no other type may be used
            raise FlowError("malformed_response", f"the token type is not {token_type}")
        expires_in = answer.get("expires_in")
        if "expires_in" in answer and (type(expires_in) is not int or expires_in <= 0):
            raise FlowError("malformed_response", "expires_in is not a number of seconds")
        return cls(
            access_token=_token(answer, "access_token", required=True) or Secret(""),
            expires_in=expires_in,
            scope=text_of(answer, "scope"),
            refresh_token=_token(answer, "refresh_token"),
            id_token=_token(answer, "id_token"),
            authorization_details=_details(answer),
        )


def _details(answer: dict[str, Any]) -> tuple[Mapping[str, Any], ...]:
    details = answer.get("authorization_details", [])
    if not isinstance(details, list) or not all(isinstance(each, dict) for each in details):
        raise FlowError("malformed_response", "authorization_details is no list of objects")
    return tuple(details)


def json_answer(status: int, body: bytes) -> dict[str, Any]:
    """The JSON object that an endpoint answered with.

    Raises:
        FlowError: there is none.
    """
    try:
        return strict_json.read_object(body)
    except ValueError:
        raise FlowError("malformed_response", f"status {status} without a JSON object") from None


def form(**parameters: str) -> bytes:
    """A form of those parameters that are not empty."""
    return urlencode({name: value for name, value in parameters.items() if value}).encode()


def _token(answer: dict[str, Any], name: str, *, required: bool = False) -> Secret | None:
    """A token: visible ASCII (RFC 6749 appendix A.12 and A.17), and no longer than a header may be.

    Anything else would say something of its own where it is sent on, to a header, a shell or a pipe.

    Raises:
        FlowError: it is none; nothing of it is repeated.
    """
    text = text_of(answer, name, required=required)
    if text is None:
        return None
    if len(text) > LONGEST_TOKEN:
        raise FlowError("malformed_response", f"{name} is over {LONGEST_TOKEN} characters long")
    if not _VISIBLE.fullmatch(text):
        raise FlowError("malformed_response", f"{name} has characters that no token has")
    return Secret(text)


def text_of(answer: dict[str, Any], name: str, *, required: bool = False) -> str | None:
    """A member of an answer.

    Raises:
        FlowError: it is no text, or empty.
    """
    value = answer.get(name)
    if (name in answer or required) and not isinstance(value, str):
        raise FlowError("malformed_response", f"{name} is not a text")
    if value == "" and name != "scope":
        raise FlowError("malformed_response", f"{name} is empty")
    return value
