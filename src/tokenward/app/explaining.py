"""Why a scan finds something in a line of a file, or does not: the scan itself, with somebody who listens."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from tokenward.app.reports.explain import Explanation, explanation
from tokenward.app.scanning import searcher
from tokenward.leaks.findings import Trouble
from tokenward.leaks.recording import Notes
from tokenward.leaks.sources.source import Item
from tokenward.leaks.sources.tree import Tree
from tokenward.leaks.text import Text


def explain(path: str, line: int, rule_files: Sequence[Path] = ()) -> Explanation:
    """Why the scan finds something in that line of a file, or does not.

    Raises:
        RuleError: as `searcher`.
        PatternError: the same.
        CannotScan: the file is not there.
        OSError: a file cannot be read.
    """
    heard: list[tuple[Text, Notes]] = []

    def listen(text: Text) -> Notes:
        heard.append((text, Notes()))
        return heard[-1][1]

    search = searcher(rule_files, listen)
    with Tree([Path(path)]).reader() as read:
        for blob in read([Item(path, 0)]):
            if not isinstance(blob, Trouble):
                deque(search(blob), maxlen=0)
    return explanation(path, line, [(text, notes.kept) for text, notes in heard])
