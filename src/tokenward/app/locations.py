"""Values that say where something is, and what travels on the way: addresses, URLs, mounts, headers."""

import re
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, StringConstraints, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from tokenward.app.value_rules import as_tuple, bad_value, each_once
from tokenward.base.addresses import is_loopback
from tokenward.gateway.answer_headers import DEFAULTS as ANSWER_HEADERS

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?")
_UPSTREAM = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~/-]*)?"
)
_HEALTH_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,500}")
_LISTEN = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})")
_MOUNT = re.compile(r"/|(?:/(?!\.)[A-Za-z0-9._~-]+)+")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
_MAIL_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")  # RFC 5321 §4.1.2
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


def _listen(value: object) -> Listen:
    match = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > 65_535:
        raise bad_value(
            "listen", "this is not an address to listen on", "write host:port, such as 127.0.0.1:8080"
        )
    return Listen(match[1].strip("[]"), int(match[2]))


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


def _header_name(text: str) -> str:
    # A name with another meaning would turn what every client sends into a certificate.
    if not _HEADER_NAME.fullmatch(text) or "cert" not in text.lower():
        raise bad_value(
            "header-name",
            "this is not the name of a header for certificates",
            "write letters and digits with dashes between, such as Client-Cert or X-SSL-Cert",
        )
    return text


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else as_tuple(value)


def _upstreams(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if not addresses or len(set(addresses)) != len(addresses):
        raise bad_value("url", "no upstream is named, or one of them twice", "name each once")
    return addresses


def _health_path(path: str) -> str:
    if not _HEALTH_PATH.fullmatch(path):
        raise bad_value("health", "this is not a path", "write it like /health, as the upstream knows it")
    return path


def _mail_host(text: str) -> str:
    if not _MAIL_HOST.fullmatch(text):
        raise bad_value("mail", "this is no host", "write its name or address, without a port")
    return text


def _mail_address(text: str) -> str:
    if not _MAIL_ADDRESS.fullmatch(text):
        raise bad_value("mail", "this is no e-mail address", "write one, such as tokenward@example.com")
    return text


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
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(as_tuple)]
HeaderName = Annotated[str, StringConstraints(max_length=60), AfterValidator(_header_name)]
MailHost = Annotated[str, AfterValidator(_mail_host)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
AnswerHeaderValues = Annotated[dict[str, str | None], AfterValidator(_answer_headers)]
CorsOrigins = Annotated[
    tuple[str, ...],
    BeforeValidator(as_tuple),
    AfterValidator(_cors_origins),
    AfterValidator(partial(each_once, code="origin")),
]
CorsHeaders = Annotated[tuple[Annotated[str, AfterValidator(_cors_header)], ...], BeforeValidator(as_tuple)]
CorsMethods = Annotated[tuple[str, ...], BeforeValidator(as_tuple), AfterValidator(_cors_methods)]
