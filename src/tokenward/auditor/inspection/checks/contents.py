"""What is in it that everybody who holds it can read."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection import personal
from tokenward.auditor.inspection.checks.kit import JWTS, Hit, Lint, Subject, pointer
from tokenward.auditor.inspection.inside import leaves
from tokenward.base.severity import Severity


def _credentials(subject: Subject) -> Iterator[Hit]:
    for each in subject.inside:
        yield Hit(f"{each.path[-1][:60]} holds {each.what}.", pointer(*each.path), confidence=each.sure)


def _personal(subject: Subject) -> Iterator[tuple[str, str, personal.Weight]]:
    """Pointer, what it is, and how much it matters."""
    hidden = {each.path for each in subject.inside}
    for path, value in leaves(subject.jwt):
        if path in hidden or isinstance(value, bool) or value in (None, "") or path[0] != "claims":
            continue
        names = [name for name in path[1:] if not name.isdigit()]
        found = next(filter(None, map(personal.by_name, reversed(names))), None)
        found = found or personal.by_value(str(value))
        if found:
            yield pointer(*path), found[0], found[1]


def _told(found: list[tuple[str, str, personal.Weight]]) -> str:
    each = dict.fromkeys(f"{what} ({where.removeprefix('/claims/')[:60]})" for where, what, _ in found)
    more = f" and {len(each) - 8} more" if len(each) > 8 else ""
    return f"{', '.join(list(each)[:8])}{more}"


def _ordinary(subject: Subject) -> Iterator[Hit]:
    found = [each for each in _personal(subject) if each[2] == "ordinary"]
    if found:
        severity = Severity.INFO if subject.credential.purpose == "id" else None
        yield Hit(f"It holds: {_told(found)}.", found[0][0], severity)


def _sensitive(subject: Subject) -> Iterator[Hit]:
    found = [each for each in _personal(subject) if each[2] == "sensitive"]
    if found:
        severity = Severity.MEDIUM if subject.credential.purpose == "id" else None
        yield Hit(f"It holds: {_told(found)}.", found[0][0], severity)


LINTS = (
    Lint(
        Check(
            "token.credential-inside",
            "There is a credential in it",
            Severity.CRITICAL,
            why="A JWT is not encrypted: every client, log, proxy and backend that sees it reads what is "
            "in it.",
            attack="Whoever gets the token gets the other credential as well, which lives longer and "
            "opens more.",
            fix="Take it out of the token, and exchange it where it was issued: it is known to everybody "
            "who had such a token. Let the backend fetch what it needs.",
            references=("RFC 7519 §12", "RFC 9068 §6", "OWASP API3:2023"),
            recommendation="mind-the-claims",
        ),
        _credentials,
        JWTS,
    ),
    Lint(
        Check(
            "token.personal-data",
            "Personal data can be read by whoever holds it",
            Severity.MEDIUM,
            why="An access token goes through many hands that need to know what is allowed, and not who "
            "it is.",
            attack="Logs, traces and browsers collect names and addresses that nobody asked for; a leak "
            "of logs becomes a leak of people.",
            fix="Give the API an id (sub), and what it needs by name and audience; an opaque token "
            "outside, or encryption where it crosses others' hands.",
            references=("RFC 9068 §6", "RFC 7519 §12", "OWASP API3:2023"),
            recommendation="mind-the-claims",
        ),
        _ordinary,
    ),
    Lint(
        Check(
            "token.sensitive-data",
            "Sensitive data stands in it unencrypted",
            Severity.HIGH,
            why="Numbers of identity, bank accounts and cards, dates of birth, addresses and health are "
            "what fraud is made of, and what laws protect most.",
            attack="Whoever sees one token can pass for the person elsewhere: at a bank, at an authority.",
            fix="Take it out of the token. Where one recipient needs it, let it ask for it, or encrypt "
            "the token for that recipient (JWE).",
            references=("RFC 7519 §12", "RFC 9068 §6", "OpenID Connect Core §17.1", "GDPR Art. 5, 32"),
            recommendation="mind-the-claims",
        ),
        _sensitive,
    ),
)
