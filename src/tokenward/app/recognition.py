"""The leak scanner's rules as the auditor's `Recogniser`: who knows the formats of many providers."""

from collections.abc import Callable

from tokenward.app.scanning import searcher
from tokenward.auditor.inspection.credential import Recognised
from tokenward.leaks.blob import Blob
from tokenward.leaks.masking import masked
from tokenward.leaks.sighting import Sighting


def leak_rules() -> Callable[[str], tuple[Recognised, ...]]:
    """A `Recogniser` that goes by every rule and detector of the leak scanner."""
    search = searcher(comments=False)

    def recognise(text: str) -> tuple[Recognised, ...]:
        found: list[Recognised] = []
        for seen in search(Blob("", text.encode("utf-8", "replace"))):
            if isinstance(seen, Sighting):
                rule = search.rules[seen.rule]
                shown = masked(seen.secret, rule, guessable=seen.guessable)
                secret = seen.secret.decode("utf-8", "replace")
                found.append(Recognised(secret, rule.what, rule.provider, shown, seen.confidence, seen.line))
        return tuple(found)

    return recognise
