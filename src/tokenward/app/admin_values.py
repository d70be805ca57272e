"""The kinds of values that the admin API takes and gives, each with its bounds."""

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from tokenward.issuer.api_keys import MAX_RATE

LIST_LIMIT = 1_000
"""Of the members of one answer."""

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
"""Any text in one line."""

LATEST = 253_402_300_799
"""The last second of the year 9999."""

Moment = Annotated[float, Field(ge=0, le=LATEST, description="Seconds since 1970-01-01 UTC.")]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Locator = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{11}$", description="Its id: eleven characters.")]
Credential = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9]{1,15}_[a-z]{2}_[0-9A-Za-z]{60}$", description="Shown this once.")
]
Line = Annotated[str, Field(max_length=1_000, pattern=PRINTABLE)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Owner = Annotated[str, Field(min_length=1, max_length=254, pattern=r"^[^\x00-\x1f\x7f]+$")]
Scope = Annotated[str, Field(max_length=2_048, pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]  # RFC 6749 §3.3
ClaimName = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]
DetailType = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Uri = Annotated[str, Field(max_length=2_048, pattern=r"^[!-~]+$")]
AddressOrNone = Annotated[
    str,
    Field(
        max_length=2_048,
        pattern=r"^https://[!-~]+$|^http://(?:localhost|127\.0\.0\.1|\[::1\])[:/][!-~]*$|^$",
        description="Of https, but for a loopback address; nothing for none.",
    ),
]
Host = Annotated[str, Field(max_length=253, pattern=r"^[!-~]*$")]
Network = Annotated[str, Field(max_length=50, pattern=r"^[0-9A-Fa-f:./]+$")]
Algorithm = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,20}$")]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""To JSON Schema, 240.0 is an integer as well (2020-12 Validation §6.1.1)."""

Rate = Annotated[int, Field(ge=1, le=MAX_RATE, description="Calls a minute."), WHOLE]

WORD = r"^[\x20-\x7e]{1,64}$"
Word = Annotated[str, Field(pattern=WORD)]
Value = Annotated[str, Field(max_length=16_384, pattern=r"^[\x20-\x7e]*$")]
Jwk: TypeAlias = Annotated[
    dict[Word, Value | Annotated[list[Value], Field(max_length=10)] | bool],
    Field(min_length=1, max_length=30, description="A JSON Web Key, public (RFC 7517 §4)."),
]
