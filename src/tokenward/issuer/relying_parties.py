"""What an application may be registered with as an OpenID Connect relying party."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.issuer.client_keys import check_client_url
from tokenward.issuer.redirects import why_no_redirect
from tokenward.issuer.settings import IssuerSettings
from tokenward.store.records import ClientType, OpenIdAlg, RelyingParty
from tokenward.tokens.release import why_not_released

NO_PARTY = RelyingParty()
"""Nothing beyond the usual."""

_SIGNS_NOBODY_IN = "a service client acts for itself: nobody signs in to it"
_MAX_ADDRESSES = 20


def checked_party(client_type: ClientType, wanted: RelyingParty, settings: IssuerSettings) -> RelyingParty:
    """What is kept of it.

    Raises:
        Refusal: INVALID_INPUT; the detail says what to mend.
    """
    if client_type == "service" and wanted != NO_PARTY:
        raise Refusal(INVALID_INPUT, _SIGNS_NOBODY_IN)
    for name, check in _CHECKS.items():
        check(client_type, wanted, settings, name)
    return replace(wanted, userinfo_claims=tuple(dict.fromkeys(wanted.userinfo_claims)))


_Check = Callable[[ClientType, RelyingParty, IssuerSettings, str], None]


def _algorithm(_type: ClientType, wanted: RelyingParty, _settings: IssuerSettings, name: str) -> None:
    known = get_args(OpenIdAlg)
    if getattr(wanted, name) not in (*known, *([""] if name.startswith("userinfo") else [])):
        raise Refusal(INVALID_INPUT, f"{name} is one of {' and '.join(known)}")


def _claims(_type: ClientType, wanted: RelyingParty, _settings: IssuerSettings, _name: str) -> None:
    for claim in wanted.userinfo_claims:
        if why := why_not_released(claim):
            raise Refusal(INVALID_INPUT, f"this claim cannot be released: {why}")


def _addresses(client_type: ClientType, wanted: RelyingParty, _settings: IssuerSettings, _name: str) -> None:
    uris = wanted.post_logout_redirect_uris
    if uris and client_type == "device":
        raise Refusal(INVALID_INPUT, "a device client has no browser to send anywhere")
    if len(set(uris)) != len(uris) or len(uris) > _MAX_ADDRESSES:
        raise Refusal(INVALID_INPUT, f"post-logout addresses: one is there twice, or over {_MAX_ADDRESSES}")
    for uri in uris:
        if why := why_no_redirect(client_type, uri):
            raise Refusal(INVALID_INPUT, f"post-logout address {uri[:200]!r}: {why}")


def _back_channel(client_type: ClientType, wanted: RelyingParty, settings: IssuerSettings, name: str) -> None:
    uri = wanted.backchannel_logout_uri
    if not uri:
        if wanted.backchannel_logout_session_required:
            raise Refusal(INVALID_INPUT, "backchannel_logout_session_required needs a backchannel_logout_uri")
        return
    if client_type != "web":
        raise Refusal(INVALID_INPUT, "only a web client has a server that can be told of a logout")
    try:
        check_client_url(uri, issuer_url=settings.url, name=name)
    except ValueError as error:
        raise Refusal(INVALID_INPUT, str(error)) from None


_CHECKS: dict[str, _Check] = {
    "id_token_signed_response_alg": _algorithm,
    "userinfo_signed_response_alg": _algorithm,
    "userinfo_claims": _claims,
    "post_logout_redirect_uris": _addresses,
    "backchannel_logout_uri": _back_channel,
}
