"""What `tokenward check` says of sources of trust beyond their form: files, secrets, and days that pass."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tokenward.app.basic_users import read_users
from tokenward.app.findings import Remark
from tokenward.app.issuer_keys import issuer_keys
from tokenward.app.settings import Settings
from tokenward.app.trust_settings import BasicTrust, IssuerKeys
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.documents.source import Keys
from tokenward.base.references import resolve
from tokenward.tokens.jws import configured_keys


def trusted_secrets(settings: Settings) -> Iterator[tuple[Keys, str]]:
    """The references among them, with their places."""
    for name, api in settings.apis.items():
        for number, source in enumerate(api.trust):
            place: Keys = ("apis", name, "trust", number)
            asked = source.introspection
            if asked is not None and asked.client_secret is not None:
                yield (*place, "introspection", "client_secret"), asked.client_secret
            if asked is not None and asked.private_key is not None:
                yield (*place, "introspection", "private_key"), asked.private_key
            if source.basic is not None:
                yield (*place, "basic", "users"), source.basic.users


def trust_remarks(settings: Settings, base_dir: Path, clock: Clock = SYSTEM_CLOCK) -> Iterator[Remark]:
    """What is in the files, and how long Basic authentication still works."""
    for name, api in settings.apis.items():
        for number, source in enumerate(api.trust):
            place: Keys = ("apis", name, "trust", number)
            if source.basic is not None:
                yield from _basic((*place, "basic"), source.basic, base_dir, clock.time())
            if source.jwt is not None:
                yield from _key_file((*place, "jwt"), source.jwt, base_dir)
            if source.introspection is not None:
                for lack, why in source.introspection.may_lack.items():
                    yield Remark.with_reason(
                        (*place, "introspection", "may_lack", lack),
                        "weakened",
                        f"tokens are taken though answers about them have no {lack}",
                        why,
                    )
            if source.introspection is not None and source.introspection.signed is not None:
                yield from _key_file(
                    (*place, "introspection", "signed"), source.introspection.signed, base_dir
                )
    for number, provider in enumerate(settings.people.upstream):
        yield from _key_file(("people", "upstream", number), provider, base_dir)


def _basic(place: Keys, said: BasicTrust, base_dir: Path, now: float) -> Iterator[Remark]:
    if now >= said.ends_at:
        yield Remark(
            (*place, "until"),
            "error",
            "basic-ended",
            f"since {said.until} is over, Basic authentication is refused here",
            "remove this source; whoever still uses it needs an API key or a client of its own",
        )
    else:
        days = (datetime.fromtimestamp(said.ends_at, UTC) - datetime.fromtimestamp(now, UTC)).days
        yield Remark(
            (*place, "until"),
            "warning",
            "basic",
            f"passwords are accepted here for {days} more days: {said.reason}",
            "give those who use it API keys; `tokenward_basic_uses_total` and the decision log tell who does",
        )
    try:
        text = resolve(said.users, base_dir=base_dir)
    except ValueError:
        return  # told with the other secrets
    try:
        read_users(text)
    except ValueError as error:
        yield Remark((*place, "users"), "error", "trust", str(error), "write lines of NAME:HASH")


def _key_file(place: Keys, said: IssuerKeys, base_dir: Path) -> Iterator[Remark]:
    if said.jwks is None:
        return
    try:
        configured_keys(issuer_keys(said, "", (), base_dir), said.algorithms)
    except ValueError as error:
        yield Remark((*place, "jwks"), "error", "trust", str(error), "name a file with its public JWK Set")
