"""Policy tests: what a policy is expected to decide, written beside it in `*.policytest.yaml`.

Each test is a request and the facts of a credential; nothing is looked up and nothing is sent. So a policy
can be tested where neither its database nor its secrets are: in a pull request.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, ValidationError, model_validator

from tokenward.app.findings import Finding, Remark, in_order, placed, unreadable
from tokenward.app.locations import Networks
from tokenward.app.model import Model
from tokenward.app.quantities import Duration
from tokenward.app.schema_errors import schema_errors
from tokenward.app.settings import Settings
from tokenward.app.value_rules import A_LIST, bad_value
from tokenward.app.values import ApiName, Scopes
from tokenward.app.yaml_source import read
from tokenward.base.documents.source import Source, SourceError
from tokenward.base.problems import CATALOGUE
from tokenward.store.records import Credential

SUFFIX = ".policytest.yaml"

ALLOW = "allow"
_LONGEST = 3650 * 86_400
_TARGETS = ("/", "http://", "https://")  # a URL for an API that protects itself
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2
_FIELD_VALUE = re.compile(r"[\x20-\x7e]*")


def _request_line(text: str) -> str:
    method, _, target = text.partition(" ")
    if not (method.isascii() and method.isalpha() and target.startswith(_TARGETS) and target.isascii()):
        raise bad_value("request", "this is no request line", "write it like GET /bank/accounts?limit=5")
    return text


def _outcome(text: str) -> str:
    if text != ALLOW and text not in CATALOGUE:
        near = get_close_matches(text, [ALLOW, *CATALOGUE], n=1)
        remedy = (
            f"did you mean {near[0]}?" if near else "write allow, or a reason as `tokenward decide` names it"
        )
        raise bad_value("outcome", "no decision has this name", remedy)
    return text


def _address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        raise bad_value("address", "this is no IP address", "write an address such as 192.0.2.1") from None
    return text


def _fields(fields: dict[str, str]) -> dict[str, str]:
    for name, value in fields.items():
        if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise bad_value("header", "this is no header field", "write names and values in visible ASCII")
    return fields


class TokenInTest(Model):
    """What an access token stands for."""

    api: ApiName | None = Field(
        default=None, description="The API that it is for; the one that is asked by default."
    )
    scopes: Scopes = Field(default=(), description="What it allows.")
    client: str = Field(default="a-client", min_length=1, description="The client that it was issued to.")
    user: str | None = Field(default=None, min_length=1, description="The person that it acts for, if any.")
    credential: Credential = Field(
        default="client_secret", description="The weakest credential in the chain that led to it."
    )
    bound: Literal["dpop", "mtls"] | None = Field(
        default=None, description="Which kind of key it is bound to."
    )
    proved: bool = Field(default=True, description="Whether the request proves that key.")
    lifetime: Annotated[int, Duration(1, _LONGEST)] | None = Field(
        default=None, description="How long it was given; `tokens.access_token` by default."
    )
    amr: Annotated[tuple[str, ...], A_LIST] = Field(
        default=(), description="How the person signed in (RFC 8176), such as [pwd, otp]."
    )
    signed_in: Annotated[int, Duration(1, _LONGEST)] | None = Field(
        default=None, description="How long ago the person did so."
    )
    authorization_details: Annotated[tuple[dict[str, Any], ...], A_LIST] = Field(
        default=(),
        description="What exactly it allows beside scopes (RFC 9396), such as [{type: payment, amount: …}].",
    )


class ApiKeyInTest(Model):
    """What an API key stands for."""

    api: ApiName | None = Field(
        default=None, description="The API that it is for; the one that is asked by default."
    )
    scopes: Scopes = Field(default=(), description="What it allows.")
    addresses: Networks = Field(
        default=(), description="From where it may be used; from anywhere by default."
    )
    origins: Annotated[tuple[str, ...], A_LIST] = Field(
        default=(), description="In pages of which origins it may be used."
    )


class PolicyTest(Model):
    """One test."""

    name: str = Field(min_length=1, max_length=200, description="What it shows, in words.")
    request: Annotated[str, AfterValidator(_request_line)] = Field(
        description="Method, path and query, such as GET /bank/accounts?limit=5."
    )
    headers: Annotated[dict[str, str], AfterValidator(_fields)] = Field(
        default={}, description="Further header fields."
    )
    body: JsonValue = Field(
        default=None,
        description="The body: a text as it stands, anything else as JSON, with the Content-Type of JSON if "
        "`headers` names none; none by default.",
    )
    peer: Annotated[str, AfterValidator(_address)] = Field(
        default="127.0.0.1", description="The caller's address."
    )
    token: TokenInTest | None = Field(default=None, description="The access token that the caller shows.")
    api_key: ApiKeyInTest | None = Field(default=None, description="The API key that the caller shows.")
    expect: Annotated[str, AfterValidator(_outcome)] = Field(
        description="allow, or the reason of the refusal, such as insufficient_scope."
    )
    operation: str | None = Field(
        default=None, description="The operation that must have been meant, such as GET /accounts/{id}."
    )

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.token is not None and self.api_key is not None:
            raise bad_value("two-credentials", "a test has a token or an API key", "make two tests of it")
        return self


class _File(Model):
    """A file of tests."""

    tests: Annotated[tuple[PolicyTest, ...], A_LIST] = Field(
        min_length=1, description="The tests, each by itself."
    )


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file; `source` tells where each stands."""

    source: Source
    tests: tuple[PolicyTest, ...]

    def line(self, number: int) -> int:
        """Where a test stands, by its number from 0."""
        return self.source.line_of(("tests", number))[0]


@dataclass(frozen=True, slots=True)
class Suites:
    """What came of reading files of tests. `findings` are errors; without any, every file is in `suites`."""

    suites: tuple[Suite, ...]
    findings: tuple[Finding, ...]


def schema() -> dict[str, Any]:
    """The JSON Schema of a file of tests."""
    return _File.model_json_schema()


def beside(configuration: Path) -> list[Path]:
    """The files of tests in the configuration's directory and below it, in order."""
    return sorted(path for path in configuration.resolve().parent.rglob(f"*{SUFFIX}") if path.is_file())


def read_suites(paths: Sequence[Path], settings: Settings) -> Suites:
    """Read files of tests; never raises for what they hold."""
    suites: list[Suite] = []
    findings: list[Finding] = []
    for path in paths:
        try:
            source = read(path)
        except SourceError as error:
            findings.append(unreadable(path, error))
            continue
        try:
            tests = _File.model_validate(source.data).tests
        except ValidationError as error:
            findings += [placed(source, it) for it in schema_errors(error, schema())]
            continue
        findings += [placed(source, it) for it in _strangers(tests, settings)]
        suites.append(Suite(source, tests))
    return Suites(tuple(suites), in_order(findings))


def _strangers(tests: Sequence[PolicyTest], settings: Settings) -> list[Remark]:
    """Credentials for an API that the configuration does not have."""
    return [
        Remark(
            ("tests", number, name, "api"),
            "error",
            "unknown-api",
            f"there is no API named {credential.api}",
            f"name one of {', '.join(settings.apis)}",
        )
        for number, test in enumerate(tests)
        for name, credential in (("token", test.token), ("api_key", test.api_key))
        if credential is not None and credential.api is not None and credential.api not in settings.apis
    ]
