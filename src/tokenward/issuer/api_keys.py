"""Managing API keys: what may be given to whom, for how long, and keys that are shown once.

An API key is the weakest credential that there is: it proves no person, and whoever copies it has it. So each
has one audience, an owner and an end, and opens nothing above tier `low`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network

from tokenward.base.addresses import carries_ipv4
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.origins import origin_of
from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.base.secret import Secret
from tokenward.issuer.settings import IssuerSettings
from tokenward.store.port import AlreadyExists, ApiKeys
from tokenward.store.records import ApiKey
from tokenward.tokens import opaque
from tokenward.tokens.credential_guard import why_no_claim_value

MAX_NAME = 100
MAX_OWNER = 254  # RFC 5321 §4.5.3.1.3: as long as an e-mail address may be
MAX_PLACES = 50  # addresses, and origins
MAX_RATE = 1_000_000  # a minute
LONGEST_OVERLAP = 30 * 86_400  # seconds
ATTEMPTS = 3
"""To find locators that are free."""


@dataclass(frozen=True, slots=True)
class ApiKeyDesk:
    """What managing API keys needs.

    Attributes:
        store: where they are kept.
        settings: which audiences and scopes there are, how long keys live, and how they begin.
        peppers: the first hashes new keys.
        clock: time.
    """

    store: ApiKeys
    settings: IssuerSettings
    peppers: tuple[bytes, ...]
    clock: Clock = SYSTEM_CLOCK


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key is given for.

    Attributes:
        audience: the one API.
        scopes: of that API.
        addresses: networks that it may be used from; empty for any.
        origins: of the pages that it may be used in; empty for any.
        rate: calls a minute, or None.
    """

    audience: str
    scopes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    rate: int | None = None


async def add_key(
    desk: ApiKeyDesk, terms: Terms, *, name: str, owner: str, lifetime: int | None = None
) -> tuple[ApiKey, Secret]:
    """Give out a key; it is shown now, and never again.

    Args:
        desk: the parts.
        terms: what for.
        name: what its owner calls it, 1 to 100 printable characters.
        owner: who answers for it: an e-mail address, to which notices go, or another name.
        lifetime: seconds; the policy's default if None.

    Raises:
        Refusal: INVALID_INPUT, whose detail says what to mend.
    """
    seconds = desk.settings.api_key_lifetime if lifetime is None else lifetime
    if seconds < 1:
        raise Refusal(INVALID_INPUT, "the lifetime must be a second at least")
    if seconds > desk.settings.api_key_longest:
        raise Refusal(INVALID_INPUT, f"no key lives longer than {desk.settings.api_key_longest} seconds")
    terms = checked(desk.settings, terms)
    check_whose(name, owner)
    for _ in range(ATTEMPTS):
        key, secret = _new(desk, terms, name=name, owner=owner, lifetime=seconds)
        try:
            await desk.store.add_api_keys([key])
        except AlreadyExists:
            continue
        return key, secret
    raise Refusal(CONFLICT, "fresh locators keep being taken")


async def rotate_key(desk: ApiKeyDesk, key_id: str, *, overlap: int = 0) -> tuple[ApiKey, Secret]:
    """A new key on the old one's terms; the old one ends after `overlap` seconds, or earlier.

    The new one lives as long as the old one was meant to. Neither outlives the policy of today.

    Raises:
        Refusal: NOT_FOUND; CONFLICT, the key is over or has a successor; INVALID_INPUT, the overlap is
            negative or too long.
    """
    if not 0 <= overlap <= LONGEST_OVERLAP:
        raise Refusal(INVALID_INPUT, f"the overlap must be 0 to {LONGEST_OVERLAP} seconds")
    state = await desk.store.api_key(key_id)
    if state is None:
        raise Refusal(NOT_FOUND, f"no API key {key_id}")
    old, longest = state.key, desk.settings.api_key_longest
    now = desk.clock.time()
    terms = Terms(old.audience, old.scopes, old.addresses, old.origins, old.rate)
    lifetime = min(int(old.expires_at - old.created_at), longest)
    for _ in range(ATTEMPTS):
        key, secret = _new(desk, terms, name=old.name, owner=old.owner, lifetime=lifetime)
        key = replace(key, rotated_from=old.key_id)
        ends = min(now + overlap, max(now, old.created_at + longest))
        try:
            rotated = await desk.store.rotate_api_key(key, old_expire_at=ends, at=now)
        except AlreadyExists:
            continue
        if not rotated:
            raise Refusal(CONFLICT, f"API key {key_id} is over, or was rotated before: rotate its successor")
        return key, secret
    raise Refusal(CONFLICT, "fresh locators keep being taken")


def checked(settings: IssuerSettings, terms: Terms) -> Terms:
    """The terms in one spelling, if they can be kept.

    Raises:
        Refusal: INVALID_INPUT, whose detail says what to mend.
    """
    resource = settings.resources.get(terms.audience)
    if resource is None:
        there = ", ".join(sorted(settings.resources)) or "none: no API is protected yet"
        raise Refusal(INVALID_INPUT, f"no API has this audience; there are: {there[:1000]}")
    for scope in terms.scopes:
        if scope not in resource.scopes:
            there = ", ".join(sorted(resource.scopes)) or "none"
            raise Refusal(INVALID_INPUT, f"{resource.name} has no scope {scope[:100]!r}; it has: {there}")
    if max(len(terms.addresses), len(terms.origins)) > MAX_PLACES:
        raise Refusal(INVALID_INPUT, f"at most {MAX_PLACES} addresses and as many origins")
    if terms.rate is not None and not 1 <= terms.rate <= MAX_RATE:
        raise Refusal(INVALID_INPUT, f"the rate must be 1 to {MAX_RATE} calls a minute")
    return replace(
        terms,
        scopes=_once(terms.scopes),
        addresses=_once([_network(text) for text in terms.addresses]),
        origins=_once([_origin(text) for text in terms.origins]),
    )


def check_whose(name: str, owner: str) -> None:
    """Refuse a name or an owner that people could not read.

    Raises:
        Refusal: INVALID_INPUT.
    """
    for what, text, longest in (("name", name, MAX_NAME), ("owner", owner, MAX_OWNER)):
        if not 0 < len(text) <= longest or not text.isprintable() or text != text.strip():
            raise Refusal(INVALID_INPUT, f"the {what} must have 1 to {longest} printable characters")
        if why_no_claim_value(text):
            raise Refusal(INVALID_INPUT, f"the {what} looks like a credential, and everybody may read it")


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise Refusal(
            INVALID_INPUT, "an address is written like 192.0.2.7 or 192.0.2.0/24, with host bits zero"
        ) from None
    if carries_ipv4(network):
        raise Refusal(INVALID_INPUT, "an IPv4 address inside IPv6 is written as the IPv4 address")
    return str(network)


def _origin(text: str) -> str:
    try:
        written_well = text.isascii() and origin_of(text) == text
    except ValueError:
        written_well = False
    if not written_well:
        raise Refusal(INVALID_INPUT, "an origin is written as browsers send it: https://app.example")
    return text


def _once(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _new(desk: ApiKeyDesk, terms: Terms, *, name: str, owner: str, lifetime: int) -> tuple[ApiKey, Secret]:
    token = opaque.new("ak", prefix=desk.settings.token_prefix, clock=desk.clock)
    text = token.secret.reveal()
    now = desk.clock.time()
    key = ApiKey(
        key_id=token.token_id,
        keyed_hash=opaque.keyed_hash(desk.peppers[0], text),
        name=name,
        owner=owner,
        last_four=text[-4:],
        audience=terms.audience,
        scopes=terms.scopes,
        created_at=now,
        expires_at=now + lifetime,
        addresses=terms.addresses,
        origins=terms.origins,
        rate=terms.rate,
    )
    return key, token.secret
