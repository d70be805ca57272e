"""From what a person hands over to what is told about it: read, recognise, verify, judge, explain."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tokenward.auditor.findings import Entry, Finding, Place, Result, Section, Unseen
from tokenward.auditor.inspection import explaining, guessing
from tokenward.auditor.inspection.checks.kit import Hit, Lint, Subject
from tokenward.auditor.inspection.checks.table import LINTS
from tokenward.auditor.inspection.credential import Credential, Presented
from tokenward.auditor.inspection.inside import look_inside
from tokenward.auditor.inspection.reading import Read
from tokenward.auditor.inspection.recognising import masked, recognise
from tokenward.auditor.inspection.trust import Trust
from tokenward.auditor.inspection.verdict import UNCHECKED, Verdict
from tokenward.auditor.recognition import Recogniser, nobody
from tokenward.base.clock import SYSTEM_CLOCK, Clock

_SHORTEST = 8  # characters: what is shorter stands in too many words to be taken out of all of them
_DEEPEST = 3  # tokens in tokens


@dataclass(frozen=True, slots=True)
class Means:
    """What an inspection has to go by.

    Attributes:
        recogniser: who knows the formats of other issuers.
        trust: keys to verify with; None where nobody named any.
        words: secrets to try, beside the list of ours.
        clock: what time it is.
    """

    recogniser: Recogniser = nobody
    trust: Trust | None = None
    words: Iterable[bytes] = field(default=(), repr=False)
    clock: Clock = SYSTEM_CLOCK


def inspect(read: Read, name: str, means: Means) -> Result:
    """Everything about the credentials that were read.

    Args:
        read: the credentials.
        name: where they are from: a file's name, or "standard input".
        means: what to go by.
    """
    found = [recognise(each, means.recogniser, means.clock.time()) for each in read.found]
    looks: list[Subject] = []
    for number, credential in enumerate(found):
        others = tuple(other for at, other in enumerate(found) if at != number)
        looks += _look(credential, others, means)
    scrub = _Scrub(looks)
    findings: list[Finding] = []
    sections: list[Section] = []
    for number, look in enumerate(looks):
        prefix = f"/{number}" if len(looks) > 1 else ""
        told = explaining.sections(look.credential, look.verdict, look.inside, look.now)
        sections += map(scrub.section, told)
        for lint in LINTS:
            findings += [scrub.finding(_finding(lint, hit, name, prefix)) for hit in lint.hits(look)]
    verdicts = [look.verdict for look in looks if look.credential.jwt is not None]
    unseen = (
        [Unseen(name, each.words) for each in verdicts if each.state == "impossible"] if means.trust else []
    )
    return Result(
        subject=scrub(explaining.subject(name, (look.credential for look in looks))),
        findings=tuple(findings),
        unseen=tuple(dict.fromkeys(unseen)),
        numbers={"credentials": len(looks)},
        notes=tuple(map(scrub, read.notes)),
        sections=tuple(sections),
    )


def _look(
    credential: Credential, others: tuple[Credential, ...], means: Means, depth: int = 0
) -> list[Subject]:
    """A credential, and what is inside of an encrypted one."""
    now = means.clock.time()
    jwt = credential.jwt
    if jwt is None:
        return [Subject(credential, now, others)]
    verdict, weak_key, inner = _verify(credential, means)
    subject = Subject(
        credential,
        now,
        others,
        look_inside(jwt, means.recogniser),
        guessing.guess(jwt, means.words),
        verdict,
        weak_key,
    )
    looks = [subject]
    if inner and depth < _DEEPEST:
        presented = Presented(inner, "the encrypted token")
        looks += _look(recognise(presented, means.recogniser, now), (), means, depth + 1)
    return looks


def _verify(credential: Credential, means: Means) -> tuple[Verdict, str, str]:
    """What verifying comes to, why the key is weak, and what an encrypted token holds."""
    jwt = credential.jwt
    assert jwt is not None  # noqa: S101 - the caller has looked
    trust = means.trust
    encrypted = len(jwt.parts) == 5
    if trust is None and credential.purpose != "proof" and not encrypted:
        return UNCHECKED, "", ""
    from tokenward.auditor.inspection import verifying  # noqa: PLC0415 - brings cryptography, and few need it

    if encrypted:
        verdict, content = verifying.decrypted(jwt, trust or Trust())
        return verdict, "", content.decode("utf-8", "replace") if content else ""
    if credential.purpose == "proof":
        return verifying.proof_verdict(credential), "", ""
    assert trust is not None  # noqa: S101 - see above
    return verifying.verdict(credential, trust, means.clock), verifying.weak_key(jwt, trust), ""


def _finding(lint: Lint, hit: Hit, name: str, prefix: str) -> Finding:
    check = lint.check
    severity = check.severity if hit.severity is None else hit.severity
    place = Place(name, f"{prefix}{hit.pointer}")
    return Finding(check, hit.detail, place, severity, hit.confidence)


class _Scrub:
    """Takes the credentials out of every text that is told, whatever put them there."""

    def __init__(self, looks: Iterable[Subject]) -> None:
        instead: dict[str, str] = {}
        for look in looks:
            credential = look.credential
            for text in _secrets(credential):
                instead.setdefault(text, masked(text).partition(" ")[0])
            for each in look.inside:
                if len(each.secret) >= _SHORTEST:
                    instead.setdefault(each.secret, each.shown)
        self._instead = sorted(instead.items(), key=lambda it: -len(it[0]))

    def __call__(self, text: str) -> str:
        for secret, shown in self._instead:
            text = text.replace(secret, shown)
        return text

    def section(self, section: Section) -> Section:
        return Section(
            self(section.title),
            tuple(
                Entry(self(each.name), self(each.value), self(each.meaning), each.source)
                for each in section.entries
            ),
        )

    def finding(self, finding: Finding) -> Finding:
        place = Place(finding.place.source, self(finding.place.pointer))
        return Finding(finding.check, self(finding.detail), place, finding.severity, finding.confidence)


def _secrets(credential: Credential) -> Iterable[str]:
    """What of a credential must not be shown: the whole, and of a JWT the signature."""
    yield credential.presented.text
    if credential.jwt is not None and len(credential.jwt.parts) >= 3:
        yield from (part for part in credential.jwt.parts[2:] if len(part) >= _SHORTEST)
