"""What `tokenward.yaml` may say of leaks: what becomes of what leaked, and who asked for time beforehand."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from tokenward.app.findings import Remark
from tokenward.app.locations import MailAddress, Networks, PlatformUrl
from tokenward.app.model import Model
from tokenward.app.quantities import Duration
from tokenward.app.value_rules import A_LIST, as_tuple
from tokenward.app.values import ApiName, Reason, Reference
from tokenward.store.leak_records import LeakKind

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=r"^[\x21-\x7e]+$")]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(as_tuple)]


class LeakRuleSettings(Model):
    """What happens to some credentials when they leak. A condition that is left out holds for all."""

    action: Literal["revoke", "confirm", "alert"] = Field(
        description="`revoke` ends them at once, `confirm` waits for `tokenward leaks respond`, `alert` only "
        "tells."
    )
    reason: Reason = Field(description="Why, for whoever reads this later.")
    kinds: Annotated[tuple[LeakKind, ...], A_LIST] = Field(default=(), description="Of which kinds.")
    clients: Patterns = Field(
        default=(), description="Of which clients, by client_id; `*` stands for any characters."
    )
    owners: Patterns = Field(default=(), description="Whose API keys, by owner, likewise.")
    apis: Annotated[tuple[ApiName, ...], A_LIST] = Field(default=(), description="For which APIs.")
    sources: Patterns = Field(
        default=(),
        description="Reported by whom: client:ID, holder, operator, github or webhook:NAME, likewise.",
    )


class GraceSettings(Model):
    """A client whose secret stays good for a while after it leaked, since nobody could replace it sooner."""

    client: str = Field(min_length=1, max_length=64, description="Its client_id.")
    lasts: Annotated[int, Duration(60, 86_400)] = Field(
        description="How long: 1m to 24h. So long a thief has it, too; what it gave until then ends then."
    )
    reason: Reason = Field(description="Why its owner accepts that.")


class GithubSettings(Model):
    """GitHub's secret scanning, as a partner of its program."""

    keys: PlatformUrl = Field(
        default="https://api.github.com/meta/public_keys/secret_scanning",
        description="Where GitHub's public keys are.",
    )
    networks: Networks = Field(
        default=(), description="Private addresses or networks in which that may be: a GitHub of your own."
    )


class WebhookSettings(Model):
    """A scanner that signs its reports by HMAC-SHA256."""

    secret: Reference = Field(
        description="Where the secret that it shares with us is kept: env:, file:, cmd: or keyring:. 32 "
        "characters at least."
    )


class LeakNoticeSettings(Model):
    """How somebody is told of an incident."""

    webhook: Reference | None = Field(
        default=None,
        description="Where the URL is kept to which notices go as JSON: env:, file:, cmd: or keyring:.",
    )
    webhook_secret: Reference | None = Field(
        default=None,
        description="Where the secret is kept with which they are signed by HMAC-SHA256. 32 characters at "
        "least.",
    )
    webhook_networks: Networks = Field(
        default=(),
        description="Networks that are not public in which that URL may be; it may then be plain http.",
    )
    mail_to: Annotated[tuple[MailAddress, ...], A_LIST] = Field(
        default=(),
        description="Who gets mail of every incident. Owners of API keys that are addresses get theirs. "
        "It goes through `mail`.",
    )


class LeakSettings(Model):
    """The response to leaks. By default all that leaked ends at once, with what follows from it."""

    rules: Annotated[tuple[LeakRuleSettings, ...], A_LIST] = Field(
        default=(), description="Where something else is to happen: the first rule that fits decides."
    )
    github: GithubSettings | None = Field(
        default=None, description="Take what GitHub's secret scanning finds, at /leaks/github."
    )
    webhooks: dict[ApiName, WebhookSettings] = Field(
        default_factory=dict, description="Scanners that report at /leaks/webhook/NAME, by name."
    )
    notices: LeakNoticeSettings = Field(
        default_factory=LeakNoticeSettings, description="Who is told of incidents, and how."
    )
    grace: Annotated[tuple[GraceSettings, ...], A_LIST] = Field(
        default=(), description="Clients that need time to replace a secret."
    )


def softened(said: LeakSettings) -> Iterator[Remark]:
    """Where less happens than by default, and why."""
    for number, rule in enumerate(said.rules):
        if rule.action != "revoke":
            yield Remark.with_reason(
                ("leaks", "rules", number),
                "leak-lives-on",
                f"what leaks may live on ({rule.action})",
                rule.reason,
            )
    for number, grace in enumerate(said.grace):
        yield Remark.with_reason(
            ("leaks", "grace", number),
            "leak-lives-on",
            f"a leaked secret of {grace.client} is good for {grace.lasts} s more",
            grace.reason,
        )
