"""From what became of the trials to findings."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenward.auditor.findings import Unseen
from tokenward.auditor.probing.firing import Outcome
from tokenward.auditor.probing.folding import gaps
from tokenward.auditor.probing.issuer import JWKS
from tokenward.auditor.probing.likeness import Verdict
from tokenward.auditor.probing.scene import Scene
from tokenward.auditor.probing.tokens import TRAPS

STORM = 10
"""Fetches of the key set during one probe, beyond which each unknown key fetches it."""

_NAMES = 4  # of trials that a finding tells; the number of the others follows


def conclude(scene: Scene, outcomes: Sequence[Outcome]) -> None:
    """Write down what the outcomes show."""
    kit = scene.kit() if scene.kit is not None else None
    for check, gap in gaps(outcomes, kit).items():
        verb = "Refused" if check == "probe.scheme-case" else "Accepted"
        more = f" So were {gap.followers} other bad tokens, which this explains." if gap.followers else ""
        statuses = ", ".join(map(str, sorted(gap.statuses)))
        scene.find(check, f"{verb}: {_some(gap.names)}.{more}", facts={"Answer": statuses})
    _complain(scene, outcomes)
    trapped = [name for name in TRAPS if scene.issuer.caught(name)]
    if trapped:
        scene.find("probe.address-fetched", f"It fetched what these named: {', '.join(trapped)}.")
    fetched = scene.issuer.fetches[JWKS]
    if scene.own and fetched > STORM:
        scene.find(
            "probe.key-set-storm", f"It fetched the keys {fetched} times in {scene.pace.seconds:.0f} s."
        )
    for each in outcomes:
        if each.verdict is Verdict.UNCLEAR and each.answer is not None:
            scene.unseen.append(Unseen(f"{each.trial.check}: {each.trial.name}", each.why))


def _complain(scene: Scene, outcomes: Sequence[Outcome]) -> None:
    complaints: dict[str, list[tuple[str, str]]] = {}
    for outcome in outcomes:
        for check, detail in outcome.complaints:
            complaints.setdefault(check, []).append((outcome.trial.name, detail))
    refused = sum(each.verdict is Verdict.REFUSED for each in outcomes)
    for check, told in complaints.items():
        details = Counter(detail for _, detail in told if detail)
        what = ", ".join(f"{detail}" for detail, _ in details.most_common(_NAMES))
        names = _some([name for name, _ in told])
        text = f"{len(told)} of {refused} refusals{f' ({what})' if what else ''}: {names}."
        scene.find(check, text)


def _some(names: Iterable[str]) -> str:
    told = list(names)
    more = len(told) - _NAMES
    return "; ".join(told[:_NAMES]) + (f" and {more} more" if more > 0 else "")
