"""What each claim of a JWT must be (RFC 7519 §4.1, RFC 9068 §2.2): one table, one rule a claim."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeGuard

from tokenward.tokens.errors import InvalidToken


@dataclass(frozen=True, slots=True)
class Expected:
    """What the claims are held against.

    Attributes:
        issuer: the only acceptable `iss`.
        audience: the value that `aud` must name.
        now: seconds since 1970.
        leeway: seconds by which clocks may differ.
        max_lifetime: the most seconds from `iat` to `exp`.
    """

    issuer: str
    audience: str
    now: float
    leeway: float
    max_lifetime: float


# A check returns the code under which it refuses, or None.
Check = Callable[[object, Expected], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One claim: its name, whether it must be there, and the check of its value."""

    claim: str
    required: bool
    check: Check


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""


def _is_date(value: object) -> TypeGuard[float]:
    """NumericDate (RFC 7519 §2): a number of seconds, perhaps with a fraction. True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _text(value: object, _expected: Expected) -> str | None:
    return None if _is_text(value) else "claim_type"


def _iss(value: object, expected: Expected) -> str | None:
    if not _is_text(value):
        return "claim_type"
    return None if value == expected.issuer else "wrong_issuer"


def _aud(value: object, expected: Expected) -> str | None:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(map(_is_text, names)):
        return "claim_type"
    return None if expected.audience in names else "wrong_audience"


def _exp(value: object, expected: Expected) -> str | None:
    if not _is_date(value):
        return "claim_type"
    return None if expected.now < value + expected.leeway else "expired"


def _iat(value: object, expected: Expected) -> str | None:
    if not _is_date(value):
        return "claim_type"
    return None if value <= expected.now + expected.leeway else "issued_in_future"


def _nbf(value: object, expected: Expected) -> str | None:
    if not _is_date(value):
        return "claim_type"
    return None if value <= expected.now + expected.leeway else "not_yet_valid"


_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*")  # RFC 6749 §3.3


def _scope(value: object, _expected: Expected) -> str | None:
    # RFC 9068 §2.2.3 has one text; "" is a token that may do nothing.
    return None if isinstance(value, str) and (not value or _SCOPE.fullmatch(value)) else "claim_type"


def _cnf(_value: object, _expected: Expected) -> str | None:
    # RFC 7800 §3.1: whoever presents the token must prove the key. No proof has been verified here.
    return "binding_required"


RULES: tuple[Rule, ...] = (
    Rule("iss", True, _iss),
    Rule("aud", True, _aud),
    Rule("exp", True, _exp),
    Rule("iat", True, _iat),
    Rule("nbf", False, _nbf),
    Rule("sub", True, _text),
    Rule("jti", False, _text),
    Rule("client_id", False, _text),
    Rule("scope", False, _scope),
    Rule("cnf", False, _cnf),
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VerifiedClaims(Mapping[str, Any]):
    """The claims of a token that passed every check; a mapping that cannot be changed.

    Objects and arrays inside are read-only mappings and tuples.
    """

    _claims: Mapping[str, Any] = field()

    @property
    def issuer(self) -> str:
        """`iss`."""
        return str(self._claims["iss"])

    @property
    def subject(self) -> str:
        """`sub`."""
        return str(self._claims["sub"])

    @property
    def audience(self) -> tuple[str, ...]:
        """`aud`, always as a tuple."""
        names = self._claims["aud"]
        return (names,) if isinstance(names, str) else names

    @property
    def expires_at(self) -> float:
        """`exp`: seconds since 1970."""
        return self._claims["exp"]  # type: ignore[no-any-return]  # checked by its rule

    @property
    def issued_at(self) -> float:
        """`iat`: seconds since 1970."""
        return self._claims["iat"]  # type: ignore[no-any-return]  # checked by its rule

    @property
    def scope(self) -> str:
        """`scope` as it stands, names parted by spaces; "" where the token has none."""
        return str(self._claims.get("scope", ""))

    @property
    def scopes(self) -> frozenset[str]:
        """The names in `scope`."""
        return frozenset(self.scope.split())

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        return self._claims[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return f"VerifiedClaims(issuer={self.issuer!r}, subject={self.subject!r})"


def check(claims: Mapping[str, Any], expected: Expected) -> VerifiedClaims:
    """Hold the claims of a token whose signature is good against every rule.

    Raises:
        InvalidToken: the first rule that is not met.
    """
    for rule in RULES:
        if rule.claim in claims:
            code = rule.check(claims[rule.claim], expected)
            if code is not None:
                raise InvalidToken(code)
        elif rule.required:
            raise InvalidToken("claim_missing")
    if not 0 < claims["exp"] - claims["iat"] <= expected.max_lifetime:
        raise InvalidToken("lifetime_too_long")
    return VerifiedClaims(_frozen(claims))


def _frozen(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        return MappingProxyType({name: _frozen(member) for name, member in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(member) for member in value)
    return value
