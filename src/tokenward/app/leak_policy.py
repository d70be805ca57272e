"""The response policy that a configuration says, and what of it does not fit together."""

from collections.abc import Iterator

from tokenward.app.findings import Remark
from tokenward.app.settings import Settings
from tokenward.base.documents.source import Keys
from tokenward.leaks.response.policy import NEVER_BY_ITSELF, ResponsePolicy, ResponseRule


def response_policy(settings: Settings) -> ResponsePolicy:
    """What becomes of what leaked."""
    said = settings.leaks
    return ResponsePolicy(
        tuple(
            ResponseRule(
                rule.action,
                kinds=rule.kinds,
                clients=rule.clients,
                owners=rule.owners,
                audiences=tuple(settings.audience(api) for api in rule.apis),
                sources=rule.sources,
            )
            for rule in said.rules
        ),
        {grace.client: float(grace.lasts) for grace in said.grace},
    )


def leaks_are_clear(settings: Settings) -> Iterator[Remark]:
    """Everything about `leaks` that does not fit together."""
    for number, rule in enumerate(settings.leaks.rules):
        place: Keys = ("leaks", "rules", number)
        for api in rule.apis:
            if api not in settings.apis:
                yield _error((*place, "apis"), f"there is no API named {api}", "name one of `apis`")
        for kind in rule.kinds:
            if rule.action == "revoke" and kind in NEVER_BY_ITSELF:
                yield _error(
                    (*place, "kinds"),
                    f"{kind} never ends by itself",
                    "leave it out: somebody has to be there when it does",
                )
        conditions = (rule.kinds, rule.clients, rule.owners, rule.apis, rule.sources)
        if not any(conditions) and number + 1 < len(settings.leaks.rules):
            yield _error(
                place, "this rule fits everything, and those below it are never asked", "move it down"
            )
    yield from _notices(settings)
    seen = set()
    for number, grace in enumerate(settings.leaks.grace):
        if grace.client in seen:
            yield _error(("leaks", "grace", number), f"{grace.client} is named twice", "keep one of them")
        seen.add(grace.client)


def _notices(settings: Settings) -> Iterator[Remark]:
    notices = settings.leaks.notices
    if notices.mail_to and settings.mail is None:
        yield _error(
            ("leaks", "notices", "mail_to"),
            "no server takes mail",
            "name one under `mail`",
        )
    if notices.webhook_secret is not None and notices.webhook is None:
        yield _error(
            ("leaks", "notices", "webhook_secret"),
            "there is no webhook to sign for",
            "name its URL, or leave it out",
        )


def _error(keys: Keys, text: str, remedy: str) -> Remark:
    return Remark(keys, "error", "leaks", text, remedy)
