import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditor.libraries.scripts import OURS, each_line
from tokenward.app import library_audit
from tokenward.app.cli import application
from tokenward.auditor.libraries import trial
from tokenward.auditor.libraries.cases import ROWS

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".cache" / "harnesses"


@pytest.fixture
def few(monkeypatch):
    """A part of the table, for what does not depend on which rows there are."""
    rows = [row for row in ROWS if row.entry in {"T02", "K05", "C00"}]
    monkeypatch.setattr(library_audit, "tried", lambda *args: trial.tried(*args, rows=rows))


def run(*words, code=0):
    result = CliRunner().invoke(application, ["audit", "library", *words])
    assert result.exit_code == code, result.output
    return result


def report(*words, code=1):
    return json.loads(run(*words, "--format", "json", code=code).stdout)


def ids(told):
    return {finding["rule"]["id"] for finding in told["findings"]}


def test_the_libraries_of_a_python_are_found_and_tried(few):
    told = report("--python", sys.executable)
    assert "library.K05" in ids(told)
    places = {finding["locations"][0]["path"].split()[0] for finding in told["findings"]}
    assert {"joserfc", "jwcrypto"} <= places
    assert "tokenward" not in places


def test_ours_is_clean(few):
    assert ids(report("tokenward", code=0)) == set()


def test_a_harness_is_tried(few):
    assert ids(report("--harness", shlex.join(OURS), code=0)) == set()


def test_less_than_fail_on_is_told_and_does_not_fail(few):
    assert "K05" in run("joserfc", "--fail-on", "critical").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no-such-library"], "known are"),
        (["--python", "/no/such/python"], "cannot be run"),
        (["--python", "/bin/true"], "no Python"),
        (["--harness", "no-such-program"], "No such file"),
        (["--harness", "'"], "--harness"),
        (["--harness", " "], "empty"),
        (["pyjwt", "--harness", "x"], "without names"),
    ],
    ids=["unknown", "no-interpreter", "no-python", "no-program", "no-words", "empty", "both"],
)
def test_what_cannot_be_tried_is_exit_code_2(words, told):
    assert told in " ".join(run(*words, code=2).stderr.split())


@pytest.mark.parametrize(
    ("words", "told"), [(["pyjwt"], "does not have pyjwt"), ([], "has none of")], ids=["one", "all"]
)
def test_a_python_without_libraries_is_exit_code_2(monkeypatch, words, told):
    monkeypatch.setattr(library_audit, "_installed", lambda _python: {})
    assert told in " ".join(run(*words, code=2).stderr.split())


def test_a_harness_that_lies_is_exit_code_2_and_no_report():
    result = run("--harness", shlex.join(each_line('say("accept")')), code=2)
    assert "it accepts a text that is no token, so it does not look at tokens" in " ".join(
        result.stderr.split()
    )
    assert result.stdout == ""


def test_a_harness_that_was_forgotten_is_not_the_libraries_of_this_python():
    assert "--harness is empty" in run("--harness", "", code=2).stderr


def test_a_harness_that_hangs_on_an_attack_is_a_finding(few):
    hangs = each_line(
        'say(verdict(line)) if verdict(line) == "accept" or "." not in seen(line) else time.sleep(60)'
    )
    told = report("--harness", shlex.join(hangs), "--timeout", "0.7")
    assert ids(told) == {"library.no-verdict"}
    assert told["problems"]


def test_what_was_tried_before_an_early_end_is_kept(few, monkeypatch):
    def ended(harness, outcomes, kit):
        outcomes.by_row |= {"T02.missing": "accepted"}
        outcomes.complete = False
        raise KeyboardInterrupt

    monkeypatch.setattr(library_audit, "tried", ended)
    told = report("joserfc")
    assert ids(told) == {"library.T02"}
    assert told["complete"] is False


@pytest.mark.skipif(
    not (NODE / "node_modules" / "jose").is_dir() or not shutil.which("node"), reason="no libraries of Node"
)
@pytest.mark.parametrize(
    ("name", "through"),
    [("jose", {"library.K05"}), ("jsonwebtoken", {"library.T02"})],
    ids=["jose", "jsonwebtoken"],
)
def test_the_harnesses_for_node_work(few, name, through):
    program = NODE / f"{name}.mjs"
    shutil.copy(ROOT / "templates" / "harnesses" / f"{name}.mjs", program)
    assert ids(report("--harness", f"node {program}")) == through
