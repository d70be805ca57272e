"""The result for a terminal and for `docs/soak.md`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from soak.errands import ERRANDS
from soak.watching import KEPT, MEMORY_SPARE, ROWS_SPARE, TOLERANCE, Sample, Verdict

TEMPLATE = Path(__file__).with_name("template.md")
WIDTH, HEIGHT, MARGIN = 720, 280, 48
COLOURS = {"issuer": "#0b62a4", "gateway": "#a4520b"}


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that one run gave."""

    samples: Sequence[Sample]
    verdicts: Sequence[Verdict]
    done: Counter[str]
    unexpected: Counter[str]

    @property
    def good(self) -> bool:
        """Flat, and every answer the expected one."""
        return not self.unexpected and all(verdict.flat for verdict in self.verdicts)

    @property
    def minutes(self) -> float:
        """How long it took."""
        return self.samples[-1].at / 60


def lines(result: Result) -> list[str]:
    """The result, for the terminal."""
    told = [f"{result.done.total():,} errands in {result.minutes:.0f} minutes"]
    told += [
        f"{'flat' if each.flat else 'GROWS':<6}{each.name:<22}{each.by:<8}{_pair(each)}"
        for each in result.verdicts
    ]
    told += [f"UNEXPECTED, {count} times: {what}" for what, count in result.unexpected.most_common()]
    return [*told, _summary(result)]


def document(result: Result, machine: Mapping[str, str]) -> str:
    """`docs/soak.md`, whole."""
    errands = "\n".join(f"| {it.name} | {it.rate:.2g} | {result.done[it.name]:,} |" for it in ERRANDS)
    watched = "\n".join(_row(each) for each in result.verdicts)
    about = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    unexpected = "\n".join(f"- {count} times: {what}" for what, count in result.unexpected.most_common())
    answers = unexpected or "Every answer was the expected one."
    return TEMPLATE.read_text(encoding="utf-8").format(
        minutes=f"{result.minutes:.0f}",
        summary=_summary(result),
        watched=watched,
        tolerance=f"{TOLERANCE:.0%}",
        memory_spare=f"{MEMORY_SPARE:.0f}",
        rows_spare=f"{ROWS_SPARE:.0f}",
        errands=errands,
        answers=answers,
        machine=about,
    )


def plot(result: Result) -> str:
    """Resident memory over time, as SVG."""
    samples = result.samples
    end = samples[-1].at
    top = max(max(sample.resident.values()) for sample in samples) * 1.25
    right, bottom = WIDTH - MARGIN * 1.5, HEIGHT - MARGIN

    def height(mib: float) -> float:
        return bottom - (bottom - MARGIN / 2) * mib / top

    drawn = []
    for role, colour in COLOURS.items():
        points = " ".join(
            f"{MARGIN + (right - MARGIN) * it.at / end:.1f},{height(it.resident[role]):.1f}" for it in samples
        )
        y = height(samples[-1].resident[role])
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn.append(f'<text x="{right + 6:.0f}" y="{y + 4:.0f}" fill="{colour}">{role}</text>')
    series = "\n".join(drawn)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"
 font-size="12">
<title>Resident memory of issuer and gateway in {result.minutes:.0f} minutes of mixed traffic</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<path d="M{MARGIN},{MARGIN / 2:.0f} V{bottom} H{right:.0f}" fill="none" stroke="#888"/>
{series}
<text x="{MARGIN - 6}" y="{bottom}" text-anchor="end">0</text>
<text x="{MARGIN - 6}" y="{MARGIN / 2 + 8:.0f}" text-anchor="end">{top:.0f}</text>
<text x="{MARGIN}" y="{MARGIN / 2 - 8:.0f}">MiB</text>
<text x="{right:.0f}" y="{bottom + 18}" text-anchor="end">{result.minutes:.0f} min</text>
<text x="{MARGIN}" y="{bottom + 18}">0</text>
</svg>
"""


def _summary(result: Result) -> str:
    growing = [verdict.name for verdict in result.verdicts if not verdict.flat]
    told = f"not flat: {', '.join(growing)}" if growing else "memory and tables are flat by the rules below"
    wrong = f"{result.unexpected.total():,} of {result.done.total() + result.unexpected.total():,} errands"
    return f"{told.capitalize()}; {wrong} met an unexpected answer."


def _row(verdict: Verdict) -> str:
    second, last = (
        f"{it:,.1f}" if _in_mib(verdict) else f"{it:,.0f}" for it in (verdict.second, verdict.last)
    )
    flat = "yes" if verdict.flat else "**no**"
    return f"| {_named(verdict)} | {verdict.by} | {second} | {last} | {flat} |"


def _named(verdict: Verdict) -> str:
    if verdict.name in COLOURS:
        return f"{verdict.name}, resident MiB"
    if _in_mib(verdict):
        return verdict.name
    kept = KEPT.get(verdict.name)
    return f"`{verdict.name}`, " + (f"rows kept {kept:,.0f} s" if kept else "rows that no sweep ends")


def _in_mib(verdict: Verdict) -> bool:
    return verdict.name in COLOURS or verdict.name.endswith("MiB")


def _pair(verdict: Verdict) -> str:
    return f"{verdict.second:>10,.1f} → {verdict.last:,.1f}"
