"""What a claim must be (RFC 7519 §4.1): checks of single claims, and the loop that applies a table of them.

Which claims a kind of token needs is said in `kinds` and `profiles`.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeGuard

from tokenward.tokens.errors import InvalidToken

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the claims are held against.

    Attributes:
        issuer: the only acceptable `iss`.
        audience: the value that `aud` must name.
        leeway: seconds by which clocks may differ.
        max_lifetime: the most seconds from `iat` to `exp`.
    """

    issuer: str
    audience: str
    leeway: float
    max_lifetime: float


# A check gets the value, what is expected, and the time in seconds since 1970. It returns the code under
# which it refuses, or None.
Check = Callable[[object, Expected, float], str | None]
CheckAll = Callable[[Claims, Expected, float], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One claim: its name, whether it must be there, and the check of its value."""

    claim: str
    required: bool
    check: Check


_NUMBERS = (int, float)
_ABSENT: Final = object()


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""


def _is_date(value: object) -> TypeGuard[float]:
    """NumericDate (RFC 7519 §2): a number of seconds, perhaps with a fraction. True and False are none."""
    return type(value) in _NUMBERS and 0 <= value < math.inf  # type: ignore[operator]


def text(value: object, _expected: Expected, _now: float) -> str | None:
    """A text that is not empty."""
    return None if _is_text(value) else "claim_type"


def texts(value: object, _expected: Expected, _now: float) -> str | None:
    """An array of texts that are not empty."""
    return None if isinstance(value, list) and all(map(_is_text, value)) else "claim_type"


def iss(value: object, expected: Expected, _now: float) -> str | None:
    """Exactly the issuer (RFC 7519 §4.1.1)."""
    if value == expected.issuer:
        return None
    return "wrong_issuer" if _is_text(value) else "claim_type"


def aud(value: object, expected: Expected, _now: float) -> str | None:
    """The audience, alone or in an array (RFC 7519 §4.1.3)."""
    if value == expected.audience:
        return None
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(map(_is_text, names)):
        return "claim_type"
    return None if expected.audience in names else "wrong_audience"


def sole_aud(value: object, expected: Expected, _now: float) -> str | None:
    """The audience and nobody else, as a text."""
    if not _is_text(value):
        return "claim_type"
    return None if value == expected.audience else "wrong_audience"


def only_aud(value: object, expected: Expected, now: float) -> str | None:
    """The audience and nobody else, as a text or in an array of one."""
    return sole_aud(value[0] if isinstance(value, list) and len(value) == 1 else value, expected, now)


def exp(value: object, expected: Expected, now: float) -> str | None:
    """Not passed (RFC 7519 §4.1.4)."""
    if type(value) not in _NUMBERS or value < 0:  # type: ignore[operator]
        return "claim_type"
    return None if now < value + expected.leeway else "expired"  # type: ignore[operator]


def iat(value: object, expected: Expected, now: float) -> str | None:
    """A moment that is not ahead (RFC 7519 §4.1.6)."""
    if not _is_date(value):
        return "claim_type"
    return None if value <= now + expected.leeway else "issued_in_future"


def nbf(value: object, expected: Expected, now: float) -> str | None:
    """Reached (RFC 7519 §4.1.5)."""
    if not _is_date(value):
        return "claim_type"
    return None if value <= now + expected.leeway else "not_yet_valid"


_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]++(?: [\x21\x23-\x5B\x5D-\x7E]++)*+")  # RFC 6749 §3.3


def scope(value: object, _expected: Expected, _now: float) -> str | None:
    """Scope names in one text; "" is a token that may do nothing (RFC 9068 §2.2.3)."""
    return None if isinstance(value, str) and (not value or _SCOPE.fullmatch(value)) else "claim_type"


def scope_names(value: object, _expected: Expected, _now: float) -> str | None:
    """Scope names in an array."""
    if not isinstance(value, list):
        return "claim_type"
    fits = all(isinstance(name, str) and " " not in name and _SCOPE.fullmatch(name) for name in value)
    return None if fits else "claim_type"


def forbidden(_value: object, _expected: Expected, _now: float) -> str | None:
    """Belongs to another kind of token."""
    return "claim_forbidden"


def one_of(*values: str) -> Check:
    """One of these texts."""

    def check(value: object, _expected: Expected, _now: float) -> str | None:
        return None if isinstance(value, str) and value in values else "wrong_kind"

    return check


def lifetime(claims: Claims, expected: Expected, now: float) -> str | None:
    """From `iat`, or from now where there is none, to `exp`: more than nothing, and no more than allowed."""
    ends: float = claims["exp"]
    begins: float = claims.get("iat", now - expected.leeway)
    return None if 0 < ends - begins <= expected.max_lifetime else "lifetime_too_long"


def any_of(*names: str) -> CheckAll:
    """At least one of these claims."""

    def check(claims: Claims, _expected: Expected, _now: float) -> str | None:
        return None if any(name in claims for name in names) else "claim_missing"

    return check


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VerifiedClaims(Mapping[str, Any]):
    """The claims of a token that passed every check; a mapping that cannot be changed.

    Objects and arrays inside are read-only mappings and tuples.
    """

    _claims: Claims
    _client: tuple[str, ...] = ("client_id",)
    _scope: tuple[str, ...] = ("scope",)

    @property
    def issuer(self) -> str:
        """`iss`."""
        return str(self._claims["iss"])

    @property
    def subject(self) -> str:
        """`sub`; "" for the kinds that need none."""
        return str(self._claims.get("sub", ""))

    @property
    def audience(self) -> tuple[str, ...]:
        """`aud`, always as a tuple; empty where the profile's issuer leaves it out."""
        names = self._claims.get("aud", ())
        return (names,) if isinstance(names, str) else names

    @property
    def client_id(self) -> str | None:
        """The client that the token was issued to, under whichever name the kind gives it, or None."""
        return next((self._claims[name] for name in self._client if name in self._claims), None)

    @property
    def expires_at(self) -> float:
        """`exp`: seconds since 1970; infinity for the one kind that has none."""
        return self._claims.get("exp", math.inf)  # type: ignore[no-any-return]  # checked by its rule

    @property
    def issued_at(self) -> float:
        """`iat`: seconds since 1970."""
        return self._claims["iat"]  # type: ignore[no-any-return]  # checked by its rule

    @property
    def scope(self) -> str:
        """The scope names, parted by spaces; "" where the token has none."""
        value = next((self._claims[name] for name in self._scope if name in self._claims), "")
        return value if isinstance(value, str) else " ".join(value)

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


def frozen(claims: dict[str, Any]) -> Claims:
    """The claims, read-only from here on; `claims` itself is handed over."""
    for name, value in claims.items():
        if type(value) in _CONTAINERS:
            claims[name] = _frozen(value)
    return MappingProxyType(claims)


_CONTAINERS = (dict, list)


def _frozen(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return frozen(value)
    return tuple(_frozen(member) for member in value) if isinstance(value, list) else value


def check(
    claims: Claims,
    rules: tuple[Rule, ...],
    together: tuple[CheckAll, ...],
    expected: Expected,
    now: float,
) -> None:
    """Hold the claims of a token whose signature is good against every rule.

    Raises:
        InvalidToken: the first rule that is not met.
    """
    for rule in rules:
        value = claims.get(rule.claim, _ABSENT)
        if value is not _ABSENT:
            code = rule.check(value, expected, now)
            if code is not None:
                raise InvalidToken(code)
        elif rule.required:
            raise InvalidToken("claim_missing")
    for check_all in together:
        code = check_all(claims, expected, now)
        if code is not None:
            raise InvalidToken(code)


def plain(value: object) -> object:
    """A value of `VerifiedClaims` as JSON has it, and not read-only."""
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple) else value
