"""What becomes of a credential that leaked: a table of rules, of which the first that fits decides.

Without any rule the answer is the strict one: what leaked ends at once, with all that follows from it. Two
kinds cannot end so: the admin token is a file of the operator's, and without a signing key nobody is let in,
so a person has to say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tokenward.store.leak_records import Ending, LeakAction, Leaked, LeakKind

STRICT: Mapping[LeakKind, LeakAction] = {
    "access_token": "revoke",
    "refresh_token": "revoke",
    "authorization_code": "revoke",
    "device_code": "revoke",
    "api_key": "revoke",
    "client_secret": "revoke",
    "session": "revoke",
    "sign_in_link": "revoke",
    "initial_access_token": "revoke",
    "registration_access_token": "revoke",
    "admin_token": "alert",
    "signing_key": "confirm",
}
"""What happens where no rule says otherwise."""

NEVER_BY_ITSELF: frozenset[LeakKind] = frozenset({"admin_token", "signing_key"})
"""Kinds that no rule can have revoked without a person."""


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """What happens to some credentials. A condition that is empty holds for all.

    Attributes:
        action: `revoke`, `confirm` or `alert`.
        kinds: of which kind.
        clients: client_ids, in which `*` stands for any characters.
        owners: of API keys, likewise.
        audiences: for which API.
        sources: who reports, as in `Evidence.reporter`, likewise.
    """

    action: LeakAction
    kinds: tuple[LeakKind, ...] = ()
    clients: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def fits(self, leaked: Leaked, reporter: str) -> bool:
        """Whether it is about this credential, reported by that one."""
        return (
            (not self.kinds or leaked.kind in self.kinds)
            and (not self.audiences or leaked.audience in self.audiences)
            and _fits(self.clients, leaked.client_id or "")
            and _fits(self.owners, leaked.owner)
            and _fits(self.sources, reporter)
        )


@dataclass(frozen=True, slots=True)
class ResponsePolicy:
    """The rules.

    Attributes:
        rules: the first that fits decides.
        grace: client_id → seconds for which its secret is good after it leaked, since its owner asked for
            that beforehand.
    """

    rules: tuple[ResponseRule, ...] = ()
    grace: Mapping[str, float] = field(default_factory=dict)

    def ending(self, leaked: Leaked, reporter: str) -> Ending:
        """How the credential ends."""
        fitting = (rule.action for rule in self.rules if rule.fits(leaked, reporter))
        action = next(fitting, STRICT[leaked.kind])
        if action == "revoke" and leaked.kind in NEVER_BY_ITSELF:
            action = STRICT[leaked.kind]
        graced = leaked.kind == "client_secret"
        return Ending(action, grace=self.grace.get(leaked.client_id or "", 0.0) if graced else 0.0)


def _fits(patterns: tuple[str, ...], text: str) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)
