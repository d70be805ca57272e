"""Harnesses that do what no harness should, each a program of a few lines."""

import sys

from tokenward.auditor.libraries.harness import beside

OURS = [sys.executable, str(beside()), "tokenward"]

# Ours, which a harness leaves in what it does wrong.
_VERIFYING = f"""
import sys
sys.path.insert(0, {str(beside().parent)!r})
import base64, json, time
from python_libraries import ADAPTERS, Question
prepare, refusals = ADAPTERS["tokenward"].load()
def verdict(line):
    sent = json.loads(line)
    try:
        prepare(Question(*(sent[each] for each in Question._fields)))(sent["token"])
        return "accept"
    except Exception:
        return "reject"
def seen(line):
    return json.loads(line)["token"]
say = lambda text: print(text, flush=True)
"""


def program(text):
    """A harness of this text, which may use `verdict`, `seen` and `say`."""
    return [sys.executable, "-c", _VERIFYING + text]


def each_line(text):
    """A harness that does this for each `line`; `number` counts them from 0."""
    indented = "\n".join(f"    {part}" for part in text.strip().splitlines())
    return program(f"for number, line in enumerate(sys.stdin):\n{indented}\n")
