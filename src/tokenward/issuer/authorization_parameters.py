"""What the parameters of an authorization request must be, however it came (RFC 6749 §4.1.1).

The redirect address is judged before all others, since whatever else is wrong is told there.
"""

import re
from collections.abc import Callable, Mapping

from tokenward.base.problems import (
    MALFORMED,
    PKCE_REQUIRED,
    UNREGISTERED_REDIRECT,
    UNSUPPORTED_RESPONSE_TYPE,
    Refusal,
)
from tokenward.flows import pkce
from tokenward.issuer.claims_request import claims_request
from tokenward.issuer.redirects import is_registered
from tokenward.issuer.scopes import Access, requested_access
from tokenward.issuer.settings import IssuerSettings
from tokenward.store.records import Client

MAX_STATE = 1_024
MAX_NONCE = 255
MAX_HINT = 255
PROMPTS = frozenset({"none", "login", "consent", "select_account"})


def checked_redirect(client: Client, parameters: Mapping[str, str]) -> str:
    """The redirect address.

    Raises:
        Refusal: UNREGISTERED_REDIRECT.
    """
    # RFC 6749 lets it be left out where one is registered; OpenID Connect does not, and one rule is safer.
    redirect_uri = parameters.get("redirect_uri", "")
    if not is_registered(client, redirect_uri):
        raise Refusal(
            UNREGISTERED_REDIRECT, f"client {client.client_id}: redirect_uri is missing or not registered"
        )
    return redirect_uri


def checked_access(settings: IssuerSettings, client: Client, parameters: Mapping[str, str]) -> Access:
    """What is asked for, where every other parameter is good as well.

    Raises:
        Refusal: the first that is not; as `requested_access`.
    """
    for check in _CHECKS:
        check(parameters)
    return requested_access(settings, client, parameters)


def prompts(parameters: Mapping[str, str]) -> frozenset[str]:
    """The values of `prompt`."""
    return frozenset(parameters["prompt"].split(" ")) if "prompt" in parameters else frozenset()


def _response_type_is_code(parameters: Mapping[str, str]) -> None:
    if "response_type" not in parameters:
        raise Refusal(MALFORMED, "response_type is missing")
    if parameters["response_type"] != "code":
        raise Refusal(UNSUPPORTED_RESPONSE_TYPE)


def _response_mode_is_query(parameters: Mapping[str, str]) -> None:
    if parameters.get("response_mode", "query") != "query":
        raise Refusal(MALFORMED, "response_mode is not query")


def _pkce_with_s256(parameters: Mapping[str, str]) -> None:
    """RFC 7636 §4.4.1, RFC 9700 §2.1.1. A missing method would mean `plain`, so it is no default here."""
    if parameters.get("code_challenge_method") != "S256":
        raise Refusal(PKCE_REQUIRED, "code_challenge_method is not S256")
    if not pkce.is_challenge(parameters.get("code_challenge", "")):
        raise Refusal(PKCE_REQUIRED, "code_challenge is missing or not 43 base64url characters")


def _texts_are_short(parameters: Mapping[str, str]) -> None:
    for name, most in (("state", MAX_STATE), ("nonce", MAX_NONCE), ("login_hint", MAX_HINT)):
        if len(parameters.get(name, "")) > most:
            raise Refusal(MALFORMED, f"{name} over {most} characters")


def _claims_can_be_read(parameters: Mapping[str, str]) -> None:
    claims_request(parameters)


def _prompt_is_known(parameters: Mapping[str, str]) -> None:
    prompt = prompts(parameters)
    if not prompt <= PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise Refusal(MALFORMED, "prompt has an unknown value, or none beside another")


def max_age_is_seconds(parameters: Mapping[str, str]) -> None:
    """Nine digits at most, where there is one (OpenID Connect Core §3.1.2.1).

    Raises:
        Refusal: MALFORMED.
    """
    if not re.fullmatch(r"[0-9]{1,9}", parameters.get("max_age", "0")):
        raise Refusal(MALFORMED, "max_age is not a number of seconds")


def _dpop_jkt_is_a_thumbprint(parameters: Mapping[str, str]) -> None:
    """RFC 9449 §10: the base64url of a SHA-256."""
    if "dpop_jkt" in parameters and not pkce.is_challenge(parameters["dpop_jkt"]):
        raise Refusal(MALFORMED, "dpop_jkt is not 43 base64url characters")


_CHECKS: tuple[Callable[[Mapping[str, str]], None], ...] = (
    _response_type_is_code,
    _response_mode_is_query,
    _pkce_with_s256,
    _texts_are_short,
    _claims_can_be_read,
    _prompt_is_known,
    max_age_is_seconds,
    _dpop_jkt_is_a_thumbprint,
)
