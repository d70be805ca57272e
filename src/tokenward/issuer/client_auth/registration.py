"""How a client may be registered to prove itself, and what that takes."""

from collections.abc import Callable
from dataclasses import dataclass

from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.issuer.client_auth.method import CONFIDENTIAL, may_prove_itself
from tokenward.issuer.client_keys import check_jwks_uri, checked_jwks
from tokenward.issuer.settings import IssuerSettings
from tokenward.store.records import AuthMethod, ClientProfile, ClientType
from tokenward.tokens.certificates import CertificateSubject, certificate_jwks, parse


@dataclass(frozen=True, slots=True)
class Proving:
    """How a client is to prove itself.

    Attributes:
        method: None for a secret where the client can keep one, and for nothing where it cannot.
        jwks: its public keys, as the JSON of a JWK Set.
        jwks_uri: where these are to be had.
        tls_subject: what its certificate names, as `parameter:value`.
        certificates: its own (DER).
    """

    method: AuthMethod | None = None
    jwks: str = ""
    jwks_uri: str = ""
    tls_subject: str = ""
    certificates: tuple[bytes, ...] = ()


USUAL = Proving()


def by_keys(jwks: str, jwks_uri: str, certificates: tuple[bytes, ...]) -> Proving:
    """By certificates of its own where there are some, else by keys; `checked` judges what is there."""
    method: AuthMethod = "self_signed_tls_client_auth" if certificates else "private_key_jwt"
    return Proving(method, jwks, jwks_uri, certificates=certificates)


@dataclass(frozen=True, slots=True)
class Proof:
    """What is kept of it, as `store.records.Client` describes."""

    jwks: str = ""
    jwks_uri: str = ""
    tls_subject: str = ""


def _nothing(_wanted: Proving, _settings: IssuerSettings, _profile: ClientProfile) -> Proof:
    return Proof()


def _keys(wanted: Proving, settings: IssuerSettings, profile: ClientProfile) -> Proof:
    if bool(wanted.jwks) is bool(wanted.jwks_uri):  # RFC 7591 §2: never both
        raise ValueError("it takes public keys: a JWK Set, or a URL where one is")
    if wanted.jwks:
        return Proof(jwks=checked_jwks(wanted.jwks, profile))
    check_jwks_uri(wanted.jwks_uri, issuer_url=settings.url)
    return Proof(jwks_uri=wanted.jwks_uri)


def _subject(wanted: Proving, _settings: IssuerSettings, _profile: ClientProfile) -> Proof:
    return Proof(tls_subject=str(CertificateSubject.parse(wanted.tls_subject)))


def _certificates(wanted: Proving, _settings: IssuerSettings, _profile: ClientProfile) -> Proof:
    return Proof(jwks=certificate_jwks([parse(der) for der in wanted.certificates]))


@dataclass(frozen=True, slots=True)
class _Takes:
    """What a method takes.

    Attributes:
        members: of `Proving`; no other may be there.
        proof: makes of them what is kept, or raises a ValueError.
        missing: what the operator has yet to configure, or "".
    """

    members: frozenset[str]
    proof: Callable[[Proving, IssuerSettings, ClientProfile], Proof]
    missing: Callable[[IssuerSettings], str] = lambda _settings: ""


def _no_certificates(settings: IssuerSettings) -> str:
    return "" if settings.takes_certificates else "issuer.client_certificates"


def _no_authorities(settings: IssuerSettings) -> str:
    return "" if settings.client_authorities is not None else "issuer.client_certificates.ca"


_METHODS: dict[AuthMethod, _Takes] = {
    "none": _Takes(frozenset(), _nothing),
    "client_secret": _Takes(frozenset(), _nothing),
    "private_key_jwt": _Takes(frozenset({"jwks", "jwks_uri"}), _keys),
    "workload": _Takes(frozenset(), _nothing),
    "tls_client_auth": _Takes(frozenset({"tls_subject"}), _subject, _no_authorities),
    "self_signed_tls_client_auth": _Takes(frozenset({"certificates"}), _certificates, _no_certificates),
}


def is_offered(settings: IssuerSettings, method: AuthMethod) -> bool:
    """Whether the operator has put up what the method needs."""
    return not _METHODS[method].missing(settings)


def checked(
    wanted: Proving, client_type: ClientType, settings: IssuerSettings, profile: ClientProfile = ""
) -> tuple[AuthMethod, Proof]:
    """The method, and what it takes as it is kept.

    Raises:
        Refusal: INVALID_INPUT; the detail says what to mend.
    """
    method: AuthMethod = wanted.method or ("client_secret" if client_type in CONFIDENTIAL else "none")
    takes = _METHODS.get(method)
    if takes is None:
        raise Refusal(INVALID_INPUT, f"the method must be one of {', '.join(_METHODS)}")
    if not may_prove_itself(client_type, method):
        raise Refusal(INVALID_INPUT, f"a {client_type} client cannot prove itself by {method}")
    if missing := takes.missing(settings):
        raise Refusal(INVALID_INPUT, f"{method} is off: it needs {missing} in tokenward.yaml")
    for name in ("jwks", "jwks_uri", "tls_subject", "certificates"):
        if getattr(wanted, name) and name not in takes.members:
            raise Refusal(INVALID_INPUT, f"{name} is not for a client that proves itself by {method}")
    try:
        return method, takes.proof(wanted, settings, profile)
    except ValueError as error:
        raise Refusal(INVALID_INPUT, str(error)) from None
