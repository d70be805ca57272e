"""Whether what a scan found is live: asked of the providers that somebody named, and of nobody else."""

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundClient
from tokenward.leaks.collecting import Collector
from tokenward.leaks.result import Finding, ScanResult, Validity
from tokenward.leaks.rule import Rule
from tokenward.leaks.validity.asking import Question, Transport, ask
from tokenward.leaks.validity.production import is_production

SECONDS = 10.0
"""For one answer."""

MOST_BYTES = 100_000
"""Of one answer; most are not even read."""

_NOT_LETTERS = re.compile(r"[^a-z0-9]+")


def name_of(provider: str) -> str:
    """How a provider is named on the command line: "hugging-face"."""
    return _NOT_LETTERS.sub("-", provider.lower()).strip("-")


def providers(rules: Iterable[Rule], named: Sequence[str]) -> frozenset[str]:
    """The providers of these names.

    Raises:
        ValueError: there is none of that name whom one could ask.
    """
    known = {name_of(rule.provider): rule.provider for rule in rules if rule.check is not None}
    for name in named:
        if name_of(name) not in known:
            raise ValueError(f"nobody can be asked at {name!r}; there are {', '.join(sorted(known))}")
    return frozenset(known[name_of(name)] for name in named)


def checked(
    result: ScanResult,
    collector: Collector,
    asked: Collection[str],
    permitted: Callable[[str, Sequence[Finding]], bool],
    *,
    transport: Transport | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> ScanResult:
    """The result with what the providers said. Accepted findings are nobody's business.

    An interruption (Ctrl-C) ends the asking; what is left stays unknown.

    Args:
        result: of the scan.
        collector: that the findings come from; it knows the secrets.
        asked: the providers to ask.
        permitted: told a host and those of the findings that touch production, says whether to ask about
            them as well. Not called where there are none.
        transport: carries the questions.
        clock: for the moments of the answers.
    """
    told: dict[str, Validity] = {}
    questions: list[Question] = []
    held: dict[str, list[Finding]] = {}
    for finding in result.findings:
        check = finding.rule.check
        if check is None or finding.rule.provider not in asked or "published" in finding.facts:
            continue
        told[finding.fingerprint] = Validity("unknown", check.host, "not asked, interrupted", clock.time())
        if is_production(finding):
            held.setdefault(check.host, []).append(finding)
        else:
            questions.append(_question(finding, collector))
    for host, findings in held.items():
        if permitted(host, findings):
            questions += [_question(finding, collector) for finding in findings]
        else:
            refusal = Validity("unknown", host, "not asked, it touches production", clock.time())
            told.update({finding.fingerprint: refusal for finding in findings})
    transport = transport or OutboundClient(timeout=SECONDS, max_bytes=MOST_BYTES)
    with suppress(KeyboardInterrupt):
        asyncio.run(ask(questions, transport, told.__setitem__, clock=clock))
    return result.told(told)


def _question(finding: Finding, collector: Collector) -> Question:
    rule = finding.rule
    assert rule.check is not None  # noqa: S101 - the caller has looked
    pair = finding.facts.get(rule.pair.what, "") if rule.pair is not None else ""
    return Question(finding.fingerprint, rule.check, collector.secret_of(finding), pair)
