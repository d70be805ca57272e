"""The parts of the leak scanner, put together."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detectors.table import DETECTORS
from tokenward.leaks.recording import SILENCE, Recorder
from tokenward.leaks.rulebook.loading import load
from tokenward.leaks.rulebook.matching import detectors_of
from tokenward.leaks.searching import Searcher
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoding import DECODERS


def searcher(
    rule_files: Sequence[Path] = (),
    recorder_of: Callable[[Text], Recorder] = lambda _: SILENCE,
    *,
    comments: bool = True,
) -> Searcher:
    """What searches a blob, with all rules that come with Tokenward and those of these files.

    Raises:
        RuleError: a rule is not as it says of itself.
        PatternError: a pattern is not in the syntax that all engines share.
        OSError: a file cannot be read.
    """
    return Searcher(
        Engine((*detectors_of(load(rule_files)), *DETECTORS), DECODERS), recorder_of, comments=comments
    )
