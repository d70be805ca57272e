"""The leak scanner's rules as the auditor's `Recogniser`."""

from tokenward.app.scanning import searcher
from tokenward.auditor.recognition import Recognised, Recogniser
from tokenward.leaks.blob import Blob
from tokenward.leaks.masking import masked
from tokenward.leaks.sighting import Sighting


def leak_rules(name: str = "") -> Recogniser:
    """What goes by every rule and detector of the leak scanner.

    Args:
        name: of the file that the text is taken for; some rules look at it.
    """
    search = searcher(comments=False)

    def recognise(text: str) -> tuple[Recognised, ...]:
        return tuple(
            Recognised(
                secret=seen.secret.decode("utf-8", "replace"),
                rule=seen.rule,
                what=search.rules[seen.rule].what,
                provider=search.rules[seen.rule].provider,
                masked=masked(seen.secret, search.rules[seen.rule], guessable=seen.guessable),
                severity=seen.severity,
                confidence=seen.confidence,
                line=seen.line,
                column=seen.column,
            )
            for seen in search(Blob(name, text.encode("utf-8", "replace")))
            if isinstance(seen, Sighting)
        )

    return recognise
