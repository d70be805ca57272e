"""The kinds of values that `tokenward.yaml` holds: each one a type that refuses what it cannot mean.

A refusal is a `PydanticCustomError` with a stable code, a text and, in its context, a remedy. None repeats
the value: it could be a secret that somebody wrote into the wrong place.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, StringConstraints, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tokenward.base import references
from tokenward.base.rates import WINDOWS, Rate
from tokenward.gateway.answer_headers import DEFAULTS as ANSWER_HEADERS
from tokenward.issuer.settings import PROTOCOL_SCOPES, SCOPE_TOKEN, is_absolute_uri
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.credential_guard import why_no_claim_value
from tokenward.tokens.release import why_not_released

RESERVED_SCOPES = "tokenward:"
"""Scopes with this beginning are for Tokenward's own endpoints."""

Risk = Literal["public", "low", "moderate", "high", "critical"]

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?")
_UPSTREAM = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~/-]*)?"
)
_HEALTH_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,500}")
_LISTEN = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})")
_MOUNT = re.compile(r"/|(?:/(?!\.)[A-Za-z0-9._~-]+)+")
_API_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_MAIL_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")  # RFC 5321 §4.1.2
_AMOUNT = re.compile(rf"([1-9][0-9]{{0,8}})/({'|'.join(WINDOWS)})")
_UNIT_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE = re.compile(rf"([1-9][0-9]{{0,9}}|0)({'|'.join(_UNIT_BYTES)})")
_REDIS = re.compile(r"rediss?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?:/[0-9]{1,3})?")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_listen)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{_LISTEN.pattern})$", "examples": ["127.0.0.1:8080"]}


@dataclass(frozen=True, slots=True)
class Duration:
    """Annotates an `int` of seconds that is written like `10m`; the bounds are in seconds."""

    shortest: int
    longest: int

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": f"^{_DURATION.pattern}$",
            "examples": ["30s", "10m", "12h", "14d"],
        }

    def _read(self, value: object) -> int:
        try:
            seconds = duration(value)
        except ValueError:
            raise bad_value("duration", "this is not a duration", HOW_TO_WRITE_ONE) from None
        if not self.shortest <= seconds <= self.longest:
            remedy = f"choose something from {in_words(self.shortest)} to {in_words(self.longest)}"
            raise bad_value("duration", "this duration is out of bounds", remedy)
        return seconds


HOW_TO_WRITE_ONE = "write a number and a unit: 30s, 10m, 12h or 14d"


def duration(text: object) -> int:
    """The seconds of a duration that is written like `10m`.

    Raises:
        ValueError: it is none.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("not a duration")
    return int(match[1]) * _UNIT_SECONDS[match[2]]


def in_words(seconds: int) -> str:
    """A duration as the file writes it: the largest unit that divides it."""
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNIT_SECONDS[unit] == 0)
    return f"{seconds // _UNIT_SECONDS[unit]}{unit}"


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def bad_value(code: str, text: str, remedy: str) -> PydanticCustomError:
    """The refusal of a value, in words for the person who wrote the file."""
    # The texts come from here; braces would be taken for placeholders.
    return PydanticCustomError(code, text, {"remedy": remedy})


def _listen(value: object) -> Listen:
    match = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > 65_535:
        raise bad_value(
            "listen", "this is not an address to listen on", "write host:port, such as 127.0.0.1:8080"
        )
    return Listen(match[1].strip("[]"), int(match[2]))


@dataclass(frozen=True, slots=True)
class Size:
    """Annotates an `int` of bytes that is written like `10MiB`, of at most 1 GiB."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_size)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["512KiB", "10MiB"]}


def _size(value: object) -> int:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) * _UNIT_BYTES[match[2]] > _UNIT_BYTES["GiB"]:
        raise bad_value(
            "size", "this is no size up to 1GiB", "write a number and B, KiB or MiB, such as 10MiB"
        )
    return int(match[1]) * _UNIT_BYTES[match[2]]


@dataclass(frozen=True, slots=True)
class Amount:
    """Annotates a `Rate` that is written like `100/minute`."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_amount)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        examples = ["10/second", "100/minute", "10000/day"]
        return {"type": "string", "pattern": f"^{_AMOUNT.pattern}$", "examples": examples}


def _amount(value: object) -> Rate:
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise bad_value(
            "amount",
            "this is not so many in a time",
            "write a number, a slash and second, minute, hour or day, such as 100/minute",
        )
    return Rate(int(match[1]), WINDOWS[match[2]])


def _redis(text: str) -> str:
    if text.partition(":")[0] in references.SCHEMES:
        return _reference(text)
    parts = urlsplit(text) if text.isascii() and "[" not in text else None
    if parts is not None and "@" in parts.netloc:
        raise bad_value(
            "inline-secret",
            "the URL carries a user name or a password",
            "keep the whole URL elsewhere and name the place, such as env:REDIS_URL; "
            "replace the password, because files are copied",
        )
    if not _REDIS.fullmatch(text):
        raise bad_value(
            "redis",
            "this is no Redis server",
            "write rediss://host:port/0, or env:NAME or file:PATH of such a URL",
        )
    return text


def _origin(url: str) -> str:
    match = _ORIGIN.fullmatch(url)
    if match is None:
        raise bad_value(
            "url",
            "this is not an origin",
            "write scheme, host and port only, in lower case and without a slash at the end, "
            "such as https://login.example.com",
        )
    scheme, host, port = match.groups()
    if scheme == "http" and not is_loopback(host):
        raise bad_value(
            "plain-http", "plain http shows every token to the network", "use https; http is for loopback"
        )
    if port is not None and (int(port) > 65_535 or port == _DEFAULT_PORTS[scheme]):
        raise bad_value(
            "url", "this port is impossible, or the one that is meant anyway", "leave it out or mend it"
        )
    return url


def _cors_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not origins or ("*" in origins and len(origins) > 1):
        raise bad_value("cors", "these are nobody's origins, or anybody's", "name each, or write `*` alone")
    if "null" in origins:
        raise bad_value("cors", "anybody can make a page whose origin is null", "name the page's own origin")
    return tuple(origin if origin == "*" else _origin(origin) for origin in origins)


def _answer_headers(said: dict[str, str | None]) -> dict[str, str | None]:
    lower = {name.lower(): text for name, text in said.items()}
    if unknown := sorted(lower.keys() - ANSWER_HEADERS):
        raise bad_value(
            "answer-header", f"{unknown[0]} is none of them", f"choose from {', '.join(ANSWER_HEADERS)}"
        )
    if not all(
        text is None or re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]{0,998}[\x21-\x7e])?", text)
        for text in lower.values()
    ):
        raise bad_value(
            "answer-header", "this is no value of a header", "write visible ASCII, or null for none"
        )
    return lower


def _cors_header(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}", text):
        raise bad_value("cors", "this is no name of a header", "write one, such as X-Page")
    return text.lower()


def _cors_methods(methods: tuple[str, ...]) -> tuple[str, ...]:
    if not methods or not all(re.fullmatch(r"[A-Z]{3,20}", each) for each in methods):
        raise bad_value("cors", "these are no methods", "write them in capitals, such as [GET, POST]")
    return methods


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise bad_value("date", "this is no date", "write it like 2027-01-31")
    return text


def end_of(day: str) -> float:
    """Seconds since 1970 at which a `Day` is over, in UTC."""
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)).timestamp()


def _platform_url(url: str) -> str:
    parts = urlsplit(url) if url.isascii() and "[" not in url else None
    if parts is None or "@" in parts.netloc or not _UPSTREAM.fullmatch(url) or ".." in url:
        raise bad_value("url", "this is not the address of a platform", "write https://host[:port][/path]")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise bad_value(
            "plain-http",
            "keys that came over an open line would be anybody's",
            "use https; http is for loopback",
        )
    return url


def _upstream(url: str) -> str:
    parts = urlsplit(url) if url.isascii() and "[" not in url else None
    if parts is not None and "@" in parts.netloc:
        raise bad_value(
            "inline-secret", "a URL must not carry a user name or password", "remove what is before the @"
        )
    if not _UPSTREAM.fullmatch(url) or ".." in url:
        raise bad_value(
            "url",
            "this is not the address of an API",
            "write http(s)://host[:port][/base], without query and fragment, such as http://127.0.0.1:9000",
        )
    return url.rstrip("/")


def _public_url(url: str) -> str:
    parts = urlsplit(_upstream(url))
    _origin(f"{parts.scheme}://{parts.netloc}")
    return url.rstrip("/")


def _reference(text: str) -> str:
    try:
        references.parse(text)
    except ValueError:
        raise bad_value(
            "inline-secret",
            "a secret, or what looks like one, is written into the file",
            "keep it elsewhere and name the place: env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/NAME; "
            "if it was a real secret, replace it, because files are copied",
        ) from None
    return text


def _store(text: str) -> str:
    scheme, _, rest = text.partition(":")
    if scheme in references.SCHEMES:
        return _reference(text)
    if scheme == "sqlite" and rest.strip() and not rest.startswith(("//", ":")):
        return text
    if scheme == "postgresql" and rest.startswith("//"):
        if re.search(r"//[^/?#]*:[^/?#]*@|[?&](?:ssl)?password=", rest, re.IGNORECASE):
            raise bad_value(
                "inline-secret",
                "the database URL carries a password",
                "keep the whole URL elsewhere and name the place, such as env:DATABASE_URL; "
                "replace the password, because files are copied",
            )
        return text
    raise bad_value(
        "store",
        "this is not a place to keep data",
        "write sqlite:PATH, postgresql://host/database without a password, or env:NAME or file:PATH "
        "of such a URL",
    )


def _mount(path: str) -> str:
    if not _MOUNT.fullmatch(path):
        raise bad_value(
            "mount",
            "this is not a plain path",
            "write it like /bank: letters, digits and - . _ ~ between slashes, no slash at the end; / is the "
            "root",
        )
    if f"{path}/".startswith("/.well-known/"):
        raise bad_value("mount", "paths below /.well-known belong to the gateway", "choose another path")
    return path


def _audience(text: str) -> str:
    if not is_absolute_uri(text):
        raise bad_value(
            "audience", "this is no absolute URI without fragment", "write one, such as the API's URL"
        )
    if why := why_no_claim_value(text):
        raise bad_value("audience", f"every token would carry this audience, and {why}", "choose another")
    return text


def _api_name(text: str) -> str:
    if not _API_NAME.fullmatch(text):
        raise bad_value(
            "api-name", "this cannot name an API", "use up to 40 lower-case letters, digits and dashes"
        )
    return text


def _scope(text: str) -> str:
    if not SCOPE_TOKEN.fullmatch(text) or len(text) > 100:
        raise bad_value(
            "scope", "this is not one scope", "use visible ASCII without spaces, quotes and backslashes"
        )
    if why := why_no_claim_value(text):
        raise bad_value("scope", f"every token would carry this scope, and {why}", "choose another")
    if text in PROTOCOL_SCOPES or text.startswith(RESERVED_SCOPES):
        raise bad_value(
            "scope", "this scope has a meaning of its own", "choose another, such as accounts:read"
        )
    return text


def _signing_alg(text: str) -> str:
    if text not in ASYMMETRIC:
        raise bad_value(
            "signing-alg",
            "this is no signature algorithm that we know",
            f"choose from {', '.join(ASYMMETRIC)}",
        )
    return text


def _claim_name(text: str) -> str:
    if why := why_not_released(text):
        raise bad_value(
            "claim",
            f"this claim cannot be released: {why}",
            "name claims one by one, such as email or auth_time",
        )
    return text


def _name(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise bad_value("name", "a name has no control characters and no spaces around it", "remove them")
    return text


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise bad_value(
            "network",
            "this is no address or network",
            "write it like 10.0.0.7 or 10.0.0.0/24, with host bits zero",
        ) from None
    if network.prefixlen == 0:
        raise bad_value("network", "this would be everybody", "name the addresses that are meant")
    return text


def _key_file(text: str) -> str:
    if references.parse(_reference(text)).scheme != "file":
        raise bad_value("key-file", "TLS reads its key from a file", "write file:PATH")
    return text


def _header_name(text: str) -> str:
    # A name with another meaning would turn what every client sends into a certificate.
    if not _HEADER_NAME.fullmatch(text) or "cert" not in text.lower():
        raise bad_value(
            "header-name",
            "this is not the name of a header for certificates",
            "write letters and digits with dashes between, such as Client-Cert or X-SSL-Cert",
        )
    return text


def _each_once(words: tuple[str, ...], code: str) -> tuple[str, ...]:
    if len(set(words)) != len(words):
        raise bad_value(code, f"a {code} is named twice", "keep one of them")
    return words


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value  # YAML knows lists only


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else _tuple(value)


def _upstreams(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if not addresses or len(set(addresses)) != len(addresses):
        raise bad_value("url", "no upstream is named, or one of them twice", "name each once")
    return addresses


def _health_path(path: str) -> str:
    if not _HEALTH_PATH.fullmatch(path):
        raise bad_value("health", "this is not a path", "write it like /health, as the upstream knows it")
    return path


def _notice_days(days: tuple[int, ...]) -> tuple[int, ...]:
    if not days or len(set(days)) != len(days) or not all(1 <= each <= 90 for each in days):
        raise bad_value(
            "days", "these are no days before an end", "name each once, 1 to 90, such as [14, 3, 1]"
        )
    return days


def _mail_host(text: str) -> str:
    if not _MAIL_HOST.fullmatch(text):
        raise bad_value("mail", "this is no host", "write its name or address, without a port")
    return text


def _mail_address(text: str) -> str:
    if not _MAIL_ADDRESS.fullmatch(text):
        raise bad_value("mail", "this is no e-mail address", "write one, such as tokenward@example.com")
    return text


A_LIST = BeforeValidator(_tuple)
Origin = Annotated[str, AfterValidator(_origin)]
PlatformUrl = Annotated[str, AfterValidator(_platform_url)]
Upstream = Annotated[str, AfterValidator(_upstream)]
Upstreams = Annotated[
    tuple[Upstream, ...],
    BeforeValidator(_one_or_more),
    AfterValidator(_upstreams),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}),
]
HealthPath = Annotated[str, AfterValidator(_health_path)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
Mount = Annotated[str, AfterValidator(_mount)]
Audience = Annotated[str, AfterValidator(_audience)]
Redis = Annotated[str, AfterValidator(_redis)]
Store = Annotated[str, AfterValidator(_store)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_name)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_tuple)]
KeyFile = Annotated[str, AfterValidator(_key_file)]
HeaderName = Annotated[str, StringConstraints(max_length=60), AfterValidator(_header_name)]
Reference = Annotated[str, AfterValidator(_reference)]
Scope = Annotated[str, AfterValidator(_scope)]
Scopes = Annotated[
    tuple[Scope, ...], BeforeValidator(_tuple), AfterValidator(partial(_each_once, code="scope"))
]
ClaimName = Annotated[str, AfterValidator(_claim_name)]
ClaimNames = Annotated[
    tuple[ClaimName, ...], BeforeValidator(_tuple), AfterValidator(partial(_each_once, code="claim"))
]
NoticeDays = Annotated[tuple[int, ...], BeforeValidator(_tuple), AfterValidator(_notice_days)]
MailHost = Annotated[str, AfterValidator(_mail_host)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
ApiName = Annotated[str, AfterValidator(_api_name)]
Day = Annotated[str, AfterValidator(_day)]
Reason = Annotated[str, StringConstraints(min_length=10, max_length=300)]
AnswerHeaderValues = Annotated[dict[str, str | None], AfterValidator(_answer_headers)]
CorsOrigins = Annotated[
    tuple[str, ...],
    BeforeValidator(_tuple),
    AfterValidator(_cors_origins),
    AfterValidator(partial(_each_once, code="origin")),
]
CorsHeaders = Annotated[tuple[Annotated[str, AfterValidator(_cors_header)], ...], BeforeValidator(_tuple)]
CorsMethods = Annotated[tuple[str, ...], BeforeValidator(_tuple), AfterValidator(_cors_methods)]
SigningAlg = Annotated[str, AfterValidator(_signing_alg), WithJsonSchema({"enum": list(ASYMMETRIC)})]
