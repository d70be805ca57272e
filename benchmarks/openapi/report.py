"""docs/openapi-audit.md from what was measured."""

from collections import Counter
from pathlib import Path

from openapi.rules import NOISE, OURS, REFUSED

TEMPLATE = Path(__file__).with_name("template.md")


def page(rows, whole, machine, limit):
    """The page.

    Args:
        rows: name, size, what we said, what Spectral said of each document.
        whole: what came of all documents of the directory; None where that was not tried.
        machine: words for it.
        limit: seconds of the processor a document.
    """
    both = [row for row in rows if row[3].finished and row[2].finished]
    ours, theirs = sum(row[2].seconds for row in both), sum(row[3].seconds for row in both)
    large = [row for row in rows if row[1] >= 400_000]
    slots = {
        "machine": machine,
        "limit": str(limit),
        "documents": str(len(both)),
        "ours": f"{ours:.1f}",
        "theirs": f"{theirs:.1f}",
        "ratio": f"{theirs / ours:.1f}" if ours else "-",
        "start_ours": f"{min(row[2].seconds for row in both):.1f}" if both else "-",
        "start_theirs": f"{min(row[3].seconds for row in both):.1f}" if both else "-",
        "large": "\n".join(map(_large, large)),
        "rules": "\n".join(_rules(both)),
        "refused": "\n".join(f"| `{rule}` | {why} |" for rule, why in REFUSED.items()),
        "beyond": ", ".join(f"`{name}` {count:,}" for name, count in _beyond(both).most_common(25)),
        "whole": "" if whole is None else _whole(whole),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in slots.items():
        text = text.replace(f"@{name}@", value)
    return text


def _large(row):
    name, size, ours, theirs = row
    told = f"{theirs.seconds:.1f}" if theirs.finished else f"over {theirs.seconds:.0f}, not finished"
    ratio = f"{theirs.seconds / ours.seconds:.0f}" + ("" if theirs.finished else " or more")
    found = f"{sum(theirs.counts.values()):,}" if theirs.finished else "-"
    return (
        f"| {name} | {size / 1e6:.1f} MB | {ours.seconds:.1f} | {told} | {ratio} | "
        f"{sum(ours.counts.values()):,} | {found} |"
    )


def _rules(both):
    codes = sorted({code for row in both for code in row[3].counts})
    for code in codes:
        checks = OURS.get(code, ())
        found = sum(row[3].counts[code] for row in both)
        holders = [row for row in both if row[3].counts[code]]
        mine = sum(row[2].counts[each] for row in both for each in checks)
        only = sum(not any(row[2].counts[each] for each in checks) for row in holders)
        note = NOISE.get(code, "") if checks else "refused, see below"
        named = ", ".join(f"`{each}`" for each in checks) or "-"
        rule = code.removeprefix("owasp:").replace(":2023-", " ")
        missing = f"{only}" if checks else "-"
        yield f"| {rule} | {found:,} in {len(holders)} | {named} | {mine:,} | {missing} | {note} |"


def _beyond(both):
    """What only we look for."""
    theirs = {each for checks in OURS.values() for each in checks}
    counts = Counter()
    for row in both:
        counts.update({name: count for name, count in row[2].counts.items() if name not in theirs})
    return counts


def _whole(whole):
    counts, holders = whole["counts"], whole["holders"]
    rows = (f"| `{name}` | {number:,} | {counts[name]:,} |" for name, number in holders.most_common())
    told = (
        f"All {whole['documents']:,} documents ({whole['megabytes']:,.0f} MB) in one process: "
        f"{whole['seconds']:.0f} s of one processor, {whole['failed']} failures, {whole['refused']} refused "
        f"as no document, {whole['findings']:,} findings. Scores from {whole['lowest']} to "
        f"{whole['highest']}, median {whole['median']}."
    )
    return "\n".join((told, "", "| check | documents | findings |", "|---|---|---|", *rows))
