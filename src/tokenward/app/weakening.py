"""Settings that are weaker than usual, each with its reason: the one table, and what becomes of it.

Every value of `tokenward.yaml` has a safe default. A few can be set to something less safe; that needs a
`reason` in the same section, without which nothing starts. `tokenward check` repeats it, so that whoever
reviews the file sees what was given up, and why. Clients have theirs: `tokenward.issuer.weakening`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tokenward.app.findings import Remark
from tokenward.app.model import Model
from tokenward.app.settings import ApiKeySettings, ClientSettings, ExchangeSettings, Settings, TokenLifetimes
from tokenward.app.stranger_settings import DocumentSettings, RegistrationSettings
from tokenward.app.trust_settings import JwtTrust
from tokenward.base.documents.source import Keys
from tokenward.issuer.strangers import ANY_HOST


@dataclass(frozen=True, slots=True)
class _Weaker:
    """One setting that can be weaker than usual.

    Attributes:
        member: of its section.
        than_usual: whether this value is.
        means: what is given up by it.
    """

    member: str
    than_usual: Callable[[Any], bool]
    means: str


def _longer(section: type[Model], member: str, means: str) -> _Weaker:
    usual = section.model_fields[member].default
    return _Weaker(member, lambda value: value > usual, means)


def _any_host(hosts: tuple[str, ...]) -> bool:
    return ANY_HOST in hosts


_ANY_ANSWER = _Weaker("redirect_hosts", _any_host, "answers to them may go to any host")

_TABLE: Mapping[type[Model], tuple[_Weaker, ...]] = {
    TokenLifetimes: (
        # RFC 9700 §2.2.1 and §4.10: what bounds a stolen bearer token is its end.
        _longer(TokenLifetimes, "access_token", "access tokens live for longer than usual"),
        # RFC 9700 §4.14.2: refresh tokens end where nobody uses them.
        _longer(TokenLifetimes, "refresh_idle", "refresh tokens that nobody uses live for longer than usual"),
        _longer(TokenLifetimes, "refresh_absolute", "what a person allowed lives for longer than usual"),
    ),
    ApiKeySettings: (_longer(ApiKeySettings, "longest", "API keys may live for longer than usual"),),
    ClientSettings: (_longer(ClientSettings, "secret_longest", "client secrets live for longer than usual"),),
    ExchangeSettings: (
        # RFC 8693 §1.1: under impersonation nobody can tell the two apart.
        _Weaker("actor", lambda actor: actor == "none", "the new tokens do not show who acts by them"),
        # RFC 9700 §2.2.1: what a thief cannot use alone is taken from this client without its proof.
        _Weaker("bound_subjects", bool, "tokens that are bound to a key are taken without a proof of it"),
    ),
    RegistrationSettings: (
        _Weaker("open", bool, "anybody can register clients: nobody checks what they say of themselves"),
        _ANY_ANSWER,
    ),
    DocumentSettings: (
        _Weaker("hosts", _any_host, "any host's document makes a client: all that stands between a stranger "
                "and a person's yes is the page that asks for it"),
        _ANY_ANSWER,
    ),
    JwtTrust: (
        _Weaker("profile", lambda profile: profile != "at+jwt", "its tokens are not as RFC 9068 says"),
    ),
}  # fmt: skip


def explained(settings: Settings) -> Iterator[Remark]:
    """Every setting that is weaker without a reason, and every reason for nothing."""
    for keys, section in _sections((), settings):
        weaker = list(_weaker(section))
        reason = section.reason  # type: ignore[attr-defined] # every section of the table has one
        if reason is None:
            for each in weaker:
                yield Remark(
                    (*keys, each.member),
                    "error",
                    "reason-missing",
                    f"{each.means}, and nobody says why that is good enough",
                    "say why in `reason` beside it, or leave it as usual",
                )
        elif not weaker:
            yield Remark(
                (*keys, "reason"),
                "error",
                "reason-for-nothing",
                "nothing here is weaker than usual",
                "remove it: reasons are for what is given up",
            )


def weakened(settings: Settings) -> Iterator[Remark]:
    """Every setting that is weaker, and why."""
    for keys, section in _sections((), settings):
        for each in _weaker(section):
            yield Remark.with_reason(
                (*keys, each.member),
                "weakened",
                each.means,
                section.reason,  # type: ignore[attr-defined] # as above
            )


def _weaker(section: Model) -> Iterator[_Weaker]:
    for each in _TABLE[type(section)]:
        if each.than_usual(getattr(section, each.member)):
            yield each


def _sections(keys: Keys, value: object) -> Iterator[tuple[Keys, Model]]:
    """Every section of the table that is in the file, wherever it stands."""
    if isinstance(value, Model):
        if type(value) in _TABLE:
            yield keys, value
        for name in type(value).model_fields:
            yield from _sections((*keys, name), getattr(value, name))
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _sections((*keys, number), each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _sections((*keys, name), each)
