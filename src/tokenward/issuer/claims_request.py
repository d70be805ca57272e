"""The `claims` parameter (OpenID Connect Core §5.5): claims that a client asks for one by one.

It widens nothing: what may be told at all is the client's policy. It stands in for the scope that a standard
claim would need, so the person is asked for that claim alone. Values count for `sub` and `acr`; of any other
claim they are a wish that may be left alone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenward.base.problems import MALFORMED, UNMET_AUTHENTICATION, Refusal
from tokenward.store.records import Client
from tokenward.tokens import strict_json
from tokenward.tokens.acr import Level, requested_level
from tokenward.tokens.release import beyond_scope

MAX_BYTES = 2_000
MAX_CLAIMS = 50
_MAX_VALUE = 255


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """What was asked for.

    Attributes:
        id_token: names, for the ID token.
        userinfo: names, for userinfo.
        subjects: who alone the answer may be about, by their `sub` at this client; None for anybody.
        level: how well the person must have signed in, where `acr` is essential; else None.
    """

    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()
    subjects: frozenset[str] | None = None
    level: Level | None = None

    def beyond(self, client: Client, scope: Iterable[str]) -> "ClaimsRequest":
        """What of it the client may be told, and no scope of these would give it."""
        granted = tuple(scope)
        return ClaimsRequest(
            beyond_scope(self.id_token, client.id_token_claims, granted),
            beyond_scope(self.userinfo, client.openid.userinfo_claims, granted),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, once."""
        return tuple(dict.fromkeys((*self.id_token, *self.userinfo)))

    def written(self) -> str | None:
        """The names, as a grant keeps them; None where there are none."""
        kept = {"id_token": self.id_token, "userinfo": self.userinfo}
        return json.dumps(kept) if self.names else None


def claims_request(parameters: Mapping[str, str]) -> ClaimsRequest:
    """What an authorization request asks for by `claims`; nothing without it.

    Raises:
        Refusal: as `read_claims_request`.
    """
    return read_claims_request(parameters["claims"]) if "claims" in parameters else ClaimsRequest()


def read_claims_request(text: str) -> ClaimsRequest:
    """What the value of the parameter asks for. Members that we do not know ask for nothing (§5.5).

    Raises:
        Refusal: MALFORMED; UNMET_AUTHENTICATION, an essential `acr` that nobody here reaches (§5.5.1.1).
    """
    if len(text.encode()) > MAX_BYTES:
        raise Refusal(MALFORMED, f"claims over {MAX_BYTES} bytes")
    try:
        asked = strict_json.read_object(text.encode())
    except ValueError:
        raise Refusal(MALFORMED, "claims is no strict JSON object") from None
    id_token, userinfo = _member(asked, "id_token"), _member(asked, "userinfo")
    return ClaimsRequest(tuple(id_token), tuple(userinfo), _subjects(id_token, userinfo), _level(id_token))


def claims_of_grant(text: str | None, member: str) -> tuple[str, ...]:
    """The names that `written` wrote, for "id_token" or "userinfo"."""
    return tuple(json.loads(text)[member]) if text is not None else ()


def _member(asked: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Claim → what is said of it; null says nothing (§5.5.1)."""
    member = asked.get(name)
    if member is None:
        return {}
    if not isinstance(member, dict) or len(member) > MAX_CLAIMS:
        raise Refusal(MALFORMED, f"claims: {name} is no object of at most {MAX_CLAIMS} claims")
    for said in member.values():
        if said is not None and not isinstance(said, dict):
            raise Refusal(MALFORMED, f"claims: a claim of {name} is neither null nor an object")
        if said and type(said.get("essential", False)) is not bool:
            raise Refusal(MALFORMED, f"claims: essential is no boolean in {name}")
    return {claim: said or {} for claim, said in member.items()}


def _values(said: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What `value` or `values` name; None where there is neither."""
    if "value" not in said and "values" not in said:
        return None
    values = said["values"] if "values" in said else [said["value"]]
    fits = isinstance(values, list) and all(
        isinstance(it, str) and 0 < len(it) <= _MAX_VALUE for it in values
    )
    if not fits or ("value" in said and "values" in said):
        raise Refusal(MALFORMED, "claims: sub and acr take one text as value, or a list of them as values")
    return tuple(values)


def _subjects(*members: Mapping[str, Mapping[str, Any]]) -> frozenset[str] | None:
    named = [_values(member["sub"]) for member in members if "sub" in member]
    wanted = [frozenset(values) for values in named if values is not None]
    return frozenset.intersection(*wanted) if wanted else None


def _level(id_token: Mapping[str, Mapping[str, Any]]) -> Level | None:
    said = id_token.get("acr", {})
    values = _values(said)
    if values is None or not said.get("essential"):
        return None
    level = requested_level(" ".join(values))
    if level is None:
        raise Refusal(UNMET_AUTHENTICATION, "no value of an essential acr is one of ours")
    return level
