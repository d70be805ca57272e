"""Names of files, refs and members are content, too: searched, and shown without what was found there.

Names are searched many at once, one a line. What is found in one is told at its path, without a line.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Place, Trouble
from tokenward.leaks.result import Finding, ScanResult
from tokenward.leaks.sighting import Sighting

WHY = "It stands in the name."


def names_of(paths: Iterable[str]) -> Blob:
    """A blob whose content are these names."""
    names = tuple(paths)
    lines = (name.replace("\n", " ").encode("utf-8", "surrogatepass") for name in names)
    return Blob("", b"\n".join(lines), names=names)


def told_by_name(sighting: Sighting, names: Blob, start: int, end: int) -> Sighting | None:
    """What was seen at those offsets of names, told at its name; None for what goes over two of them."""
    data = names.data
    begin = data.rfind(b"\n", 0, start) + 1
    stop = data.find(b"\n", begin)
    stop = len(data) if stop < 0 else stop
    if end > stop:
        return None
    if sighting.decoded:  # where the encoded form ends is known about: the whole part of the path is hidden
        start = max(begin, data.rfind(b"/", begin, start) + 1, data.rfind(b"!", begin, start) + 1)
        end = min(
            (at for at in (data.find(b"/", end, stop), data.find(b"!", end, stop)) if at >= 0), default=stop
        )
    name = names.names[data.count(b"\n", 0, begin)]
    try:
        found = data[start:end].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        found = name
    return sighting._replace(
        path=name,
        line=0,
        column=0,
        why=f"{WHY} {sighting.why}".rstrip(),
        allowed=None,  # what else stands in a name is no comment
        in_name=found,
    )


def hidden(result: ScanResult, shown: Mapping[str, str]) -> ScanResult:
    """The result with what secrets there are in paths, authors and reasons replaced.

    Args:
        result: of a scan.
        shown: what is shown in the place of each text that must not be.
    """
    whole = "\n".join(set(_texts(result)))
    there = sorted((text for text in shown if text in whole), key=len, reverse=True)
    if not there:
        return result

    def hide(text: str) -> str:
        for each in there:
            text = text.replace(each, shown[each])
        return text

    def place(one: Place) -> Place:
        commit = one.commit and replace(one.commit, author=hide(one.commit.author))
        return replace(one, path=hide(one.path), commit=commit)

    def finding(one: Finding) -> Finding:
        return replace(one, places=tuple(map(place, one.places)), why=hide(one.why))

    return replace(
        result,
        source=hide(result.source),
        findings=tuple(map(finding, result.findings)),
        accepted=tuple(map(finding, result.accepted)),
        troubles=tuple(Trouble(hide(one.path), hide(one.why), one.skipped) for one in result.troubles),
    )


def _texts(result: ScanResult) -> Iterator[str]:
    yield result.source
    for trouble in result.troubles:
        yield from (trouble.path, trouble.why)
    for finding in (*result.findings, *result.accepted):
        yield finding.why
        for place in finding.places:
            yield place.path
            if place.commit is not None:
                yield place.commit.author
