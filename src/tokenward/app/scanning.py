"""The parts of the leak scanner, put together."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detection.patterns import PatternError
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
        PatternError: a pattern is not in the syntax that all engines share; it names file and rule.
        OSError: a file cannot be read.
    """
    try:
        engine = Engine((*detectors_of(load(rule_files)), *DETECTORS), DECODERS)
    except PatternError as error:
        file = next((file for file in rule_files if error.where in _ids(file)), "")
        raise PatternError(error.pattern, error.why, f"{file}: {error.where}".removeprefix(": ")) from None
    return Searcher(engine, recorder_of, comments=comments)


def processors() -> int:
    """How many processes may search at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ids(rule_file: Path) -> set[str]:
    """Of the rules in a file that was read before."""
    import tomllib  # noqa: PLC0415 - a commit hook has no use for it

    return {row["id"] for row in tomllib.loads(rule_file.read_text("utf-8"))["rule"]}
