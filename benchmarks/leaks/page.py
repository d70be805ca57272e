"""The results for a terminal and for `docs/leaks.md`, with its picture."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import chart
import real
from artifacts import GROUPS
from lookalikes import KINDS
from quality import Quality
from results import Results, Timed
from scanners import DETECT_SECRETS, KINGFISHER, NODE, OURS

TEMPLATE = Path(__file__).with_name("page_template.md")
BUSY = " **The machine was busy with other work: believe no time here.**"
SLOW_TIMES, STAGED_SECONDS, MEMORY_MB, PRECISION = 50.0, 0.15, 300.0, 0.85


def versions() -> dict[str, str]:
    """The scanners of others, as they were installed."""
    pinned = Path(__file__).with_name("requirements.txt").read_text().split()
    names = {"kingfisher-bin": "Kingfisher", "credsweeper": "CredSweeper"}
    told = {names.get(name, name): version for name, _, version in (one.partition("==") for one in pinned)}
    package = NODE / "node_modules" / "secretlint" / "package.json"
    if package.exists():
        told["secretlint"] = json.loads(package.read_text())["version"]
    return told


def quality_lines(results: Results) -> Iterator[str]:
    """How everybody did on the corpus, and everything that ours did wrong."""
    for one in results.qualities:
        yield (
            f"{one.scanner:16} recall {one.recall:.2f}  precision {one.precision:.2f}  "
            f"false {one.false:4}  our own tokens {one.own_found} of {one.own}"
        )
        if one.scanner == OURS.name:
            yield from (f"  missed {each.rule} in {each.path}" for each in one.missed)
            wrong = Counter((each.path, each.rule) for each in (*one.lookalikes, *one.elsewhere))
            yield from (f"  false {count} × {rule} in {path}" for (path, rule), count in wrong.items())


def artifact_lines(results: Results) -> Iterator[str]:
    """How many of the files everybody saw the credential in."""
    for seen in results.seen:
        yield f"{seen.scanner:16} named in {len(seen.named)} of {len(results.artifacts)} artifacts"
        if seen.scanner == OURS.name:
            yield from (
                f"  not in {each.group}: {each.kind}"
                for each in results.artifacts
                if each.path not in seen.named
            )


def count_line(counts: real.Counts) -> str:
    """What a scanner reported of the sources."""
    if counts.places is None:
        return f"{counts.scanner:16} not done in {real.SECONDS} s"
    return f"{counts.scanner:16} {counts.secrets} secrets in {counts.places} places; {_most(counts)}"


def speed_lines(results: Results) -> Iterator[str]:
    """Times, ratios, memory."""
    for what, timed in _timed(results):
        for name, timing in timed.taken.items():
            yield f"{what:10} {name:16} {timing.seconds:8.3f} s, {timing.processor:.2f} s of processor"
    for name, held in results.memory.items():
        yield f"memory     {name:16} {held:.0f} MB"
    yield from (f"short: {each}" for each in short(results))


def picture(results: Results) -> str:
    """Artifacts and times as bars."""
    total = len(results.artifacts)
    panels = [
        chart.Panel(
            f"In how many of {total} artifacts and encodings the credential was named",
            [(one.scanner, len(one.named), f"{len(one.named)}") for one in results.seen],
            most=total,
        )
    ]
    for what, timed in _timed(results):
        if what in {"tree", "history"}:
            bars = [(name, one.seconds, f"{one.seconds:.1f} s") for name, one in timed.taken.items()]
            panels.append(chart.Panel(f"Seconds for a {what} of {timed.size.megabytes:.0f} MB", bars))
    return chart.draw("The leak scanner beside others", panels)


def document(results: Results) -> str:
    """`docs/leaks.md`, whole."""
    judged = real.judged()
    held_out, drawn = real.judged(real.HELD_OUT), real.drawn()
    verdicts = {verdict: judged.of(verdict) for verdict in real.VERDICTS}
    return TEMPLATE.read_text(encoding="utf-8").format(
        busy=BUSY if results.busy else "",
        secrets=len(results.planted),
        rules=len({one.rule for one in results.planted}),
        kinds=len(KINDS),
        quality="\n".join(map(_quality_row, results.qualities)),
        only_ours=_only_ours(results.qualities),
        lookalikes=_lookalikes(results.qualities),
        artifacts=len(results.artifacts),
        groups=_groups(results),
        each_artifact="\n".join(_artifact_tables(results)),
        counts="\n".join(map(_count_row, results.counts)) or "| not measured yet | | | |",
        seconds=f"{real.SECONDS / 60:.0f}",
        sampled=sum(verdicts.values()),
        day=judged.day,
        precision=f"{judged.precision:.2f}",
        by_form=f"{judged.precision_by_form:.2f}",
        held=held_out,
        held_all=sum(map(held_out.of, real.VERDICTS)),
        held_true=held_out.of("true"),
        held_false=held_out.of("false"),
        held_undecidable=held_out.of("undecidable"),
        drawn=drawn.total(),
        drawn_true=drawn["true", "yes"] + drawn["true", "no"],
        drawn_found=drawn["true", "yes"],
        drawn_recall=f"{drawn['true', 'yes'] / (drawn['true', 'yes'] + drawn['true', 'no']):.2f}",
        drawn_false=drawn["false", "yes"],
        **verdicts,
        by_rule="\n".join(_judged_rows(judged)),
        reasons=_reasons(judged),
        held_reasons=_reasons(held_out),
        rounds=results.rounds,
        speed="\n".join(_speed_rows(results)) or "| not measured yet | | | | | |",
        staged_rounds=results.staged_rounds,
        memory="\n".join(f"| {name} | {held:.0f} MB |" for name, held in results.memory.items())
        or "| not measured yet | |",
        memory_of=_size(results),
        short="\n".join(f"- {each}" for each in short(results)) or "- Nothing, in this run.",
        machine="\n".join(f"| {name} | {value} |" for name, value in results.machine.items()),
    )


def _reasons(judged: real.Judged) -> str:
    return "\n".join(f"- {count} × {why}" for why, count in judged.false.most_common())


def short(results: Results) -> Iterator[str]:
    """What missed its aim."""
    for what, timed in _timed(results):
        aim, peer = (SLOW_TIMES, DETECT_SECRETS.name) if what.startswith("part") else (1.0, KINGFISHER.name)
        times = timed.times(peer)
        if what != "staged" and times and times[0] < aim:
            yield f"{what.capitalize()}: {peer} took {times[0]:.2f} times as long as we; the aim is {aim:g}."
    if results.staged and (took := results.staged.taken[OURS.name].seconds) > STAGED_SECONDS:
        yield f"A commit's check took {took * 1000:.0f} ms; the aim is {STAGED_SECONDS * 1000:.0f} ms."
    if (held := results.memory.get(OURS.name, 0.0)) > MEMORY_MB:
        yield f"A tree of {_size(results)} took {held:.0f} MB of memory; the aim is {MEMORY_MB:.0f} MB."
    if (by_form := real.judged(real.HELD_OUT).precision_by_form) < PRECISION:
        unseen = "Of sources that nothing was tuned on, precision was"
        yield f"{unseen} {by_form:.2f} by form; the aim is {PRECISION}."
    for seen in results.seen:
        if seen.scanner == OURS.name and (unseen := len(results.artifacts) - len(seen.named)):
            yield f"The credential was not found in {unseen} artifacts."
    for one in results.qualities:
        if one.scanner == OURS.name:
            yield from _quality_short(one)


def _quality_short(one: Quality) -> Iterator[str]:
    if one.own_found < one.own:
        yield f"{one.own - one.own_found} of our own {one.own} tokens were missed."
    if one.own_false:
        yield f"Our own tokens were seen in {one.own_false} places without one."
    if one.missed:
        yield f"{len(one.missed)} planted secrets were missed."
    if one.false:
        yield f"{one.false} lines without a secret were reported."


def _timed(results: Results) -> Iterator[tuple[str, Timed]]:
    named = {
        "tree": results.tree,
        "part of the tree": results.part,
        "history": results.history,
        "staged": results.staged,
    }
    yield from ((what, timed) for what, timed in named.items() if timed is not None)


def _quality_row(one: Quality) -> str:
    missed = len(one.missed_rules)
    return (
        f"| {one.scanner} | {one.found} | {one.recall:.2f} | {missed} | {one.own_found} of {one.own} "
        f"| {len({each.path for each in one.lookalikes})} | {one.false} | {one.precision:.2f} |"
    )


def _only_ours(qualities: Sequence[Quality]) -> str:
    """The rules of which no other scanner reported any secret: all their secrets are among the missed."""
    peers = [one for one in qualities if one.scanner != OURS.name]
    if not peers:
        return "nothing was compared"
    secrets = frozenset.intersection(*(frozenset(one.missed) for one in peers))
    found = {each.rule for one in peers for each in set(one.missed) - secrets}
    names = sorted({one.rule for one in secrets} - found)
    return ", ".join(f"`{name}`" for name in names) or "none"


def _lookalikes(qualities: Sequence[Quality]) -> str:
    counts = {one.scanner: Counter(each.path for each in one.lookalikes) for one in qualities}
    paths = sorted({path for counted in counts.values() for path in counted})
    rows = [
        f"| `{path}` | " + " | ".join(str(counted[path] or "") for counted in counts.values()) + " |"
        for path in paths
    ]
    return "\n".join([*_head("look-alike", list(counts)), *rows])


def _groups(results: Results) -> str:
    rows = []
    for group in GROUPS:
        paths = {one.path for one in results.artifacts if one.group == group}
        cells = " | ".join(f"{len(paths & one.named)}" for one in results.seen)
        rows.append(f"| {group} | {len(paths)} | {cells} |")
    cells = " | ".join(f"**{len(one.named)}**" for one in results.seen)
    noticed = " | ".join(f"{len(one.noticed)}" for one in results.seen)
    return "\n".join(
        [
            *_head("", ["files", *(one.scanner for one in results.seen)]),
            *rows,
            f"| all | {len(results.artifacts)} | {cells} |",
            f"| anything reported | {len(results.artifacts)} | {noticed} |",
        ]
    )


def _artifact_tables(results: Results) -> Iterator[str]:
    for group in GROUPS:
        yield from ("", f"### {group[0].upper()}{group[1:]}", "")
        yield from _head("", [one.scanner for one in results.seen])
        for each in results.artifacts:
            if each.group == group:
                cells = " | ".join("yes" if each.path in one.named else "" for one in results.seen)
                yield f"| {each.kind} | {cells} |"


def _head(first: str, names: Sequence[str]) -> list[str]:
    return [f"| {first} | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]


def _count_row(counts: real.Counts) -> str:
    if counts.places is None:
        return f"| {counts.scanner} | | | not done in {real.SECONDS / 60:.0f} minutes |"
    return f"| {counts.scanner} | {counts.secrets} | {counts.places} | {_most(counts)} |"


def _most(counts: real.Counts) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in counts.rules)


def _judged_rows(judged: real.Judged) -> Iterator[str]:
    for rule in sorted({rule for counted in judged.verdicts.values() for rule in counted}):
        cells = " | ".join(str(judged.verdicts[verdict][rule] or "") for verdict in real.VERDICTS)
        yield f"| `{rule}` | {cells} |"


def _speed_rows(results: Results) -> Iterator[str]:
    for what, timed in _timed(results):
        for name, timing in timed.taken.items():
            times = timed.times(name)
            ratio = ""
            if times is not None and name != OURS.name:
                median, least, most = times
                ratio = f"**{median:.2f}×**" + (f" ({least:.2f}–{most:.2f})" if least < most else "")
            of = f"{timed.size.count:,}, {timed.size.megabytes:,.1f} MB"
            yield f"| {what} | {of} | {name} | {timing.seconds:.2f} s | {timing.processor:.2f} s | {ratio} |"


def _size(results: Results) -> str:
    bytes_ = results.memory_of.bytes if results.memory_of else results.memory_bytes
    return f"{bytes_ / 1e6:,.0f} MB"
