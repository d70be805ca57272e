"""The parts of the leak scanner, put together."""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from tokenward.app.reports.explain import Explanation, explanation
from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detectors.table import DETECTORS
from tokenward.leaks.findings import Trouble
from tokenward.leaks.recording import SILENCE, Notes, Recorder
from tokenward.leaks.rulebook.loading import load
from tokenward.leaks.rulebook.matching import detectors_of
from tokenward.leaks.searching import Searcher
from tokenward.leaks.sources.source import Item
from tokenward.leaks.sources.tree import Tree
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoding import DECODERS


def searcher(
    rule_files: Sequence[Path] = (), recorder_of: Callable[[Text], Recorder] = lambda _: SILENCE
) -> Searcher:
    """What searches a blob, with all rules that come with Tokenward and those of these files.

    Raises:
        RuleError: a rule is not as it says of itself.
        PatternError: a pattern is not in the syntax that all engines share.
        OSError: a file cannot be read.
    """
    return Searcher(Engine((*detectors_of(load(rule_files)), *DETECTORS), DECODERS), recorder_of)


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
