"""Real scans of a hostile tree, in every format: no secret comes out, and no name is obeyed."""

import base64
import json
import os
import subprocess
from urllib.parse import quote

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from app.report_samples import EVIL
from app.sarif_excerpt import LOG
from app.test_reports import UNSEEN
from tokenward.app.cli import application
from tokenward.app.reports.json import schema
from tokenward.app.reports.writing import Format
from tokenward.base.entropy import random_base62
from tokenward.tokens import opaque

NAME = EVIL.replace("/", "\N{FRACTION SLASH}")  # no name of a file holds a slash
AUTHOR = "Eve\x1b[2J\u202e <script>alert(1)</script>"


@pytest.fixture(scope="module")
def secrets():
    return [opaque.new("ak").secret.reveal(), "Xk9#mQ2v" + random_base62(6)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory, secrets):
    key, password = secrets
    root = tmp_path_factory.mktemp("tree")
    (root / NAME).write_text(f"api_key = '{key}'\npassword = '{password}'\n")
    (root / "encoded.txt").write_text(base64.b64encode(f"API_KEY={key}\n".encode()).decode())
    (root / "broken.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    for command in (
        ["init", "-q"],
        ["add", "."],
        [
            "-c",
            f"user.name={AUTHOR}",
            "-c",
            "user.email=e@example.com",
            "commit",
            "-qm",
            "x",
            "--no-gpg-sign",
        ],
    ):
        subprocess.run(["git", "-C", root, *command], check=True, env={"PATH": os.environ["PATH"]})
    return root


@pytest.fixture(autouse=True)
def here(tree, scanner_cache, monkeypatch):
    monkeypatch.chdir(tree)
    monkeypatch.setenv("XDG_CACHE_HOME", str(scanner_cache))


def _dresses(secret):
    yield secret
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield secret.encode().hex()
    yield quote(secret)
    yield json.dumps(secret)[1:-1]
    yield secret[-12:]


@pytest.mark.parametrize("source", [[], ["--history"]], ids=["tree", "history"])
@pytest.mark.parametrize("chosen", Format)
def test_no_format_tells_a_secret_or_obeys_a_name(chosen, source, secrets):
    made = CliRunner().invoke(application, ["scan", *source, "--format", chosen, "--confidence", "low"])
    assert made.exit_code == 1, made.output
    for secret in secrets:
        for dress in _dresses(secret):
            assert dress not in made.output
    assert not UNSEEN.search(made.output)
    assert "<script>" not in made.output or chosen is not Format.HTML
    if chosen is Format.JSON:
        document = json.loads(made.stdout)
        jsonschema_rs.Draft202012Validator(schema(), validate_formats=True).validate(document)
        assert document["summary"]["findings"] >= 2
        assert len(document["findings"][0]["locations"]) == 2
    if chosen is Format.SARIF:
        jsonschema_rs.Draft202012Validator(LOG, validate_formats=True).validate(json.loads(made.stdout))


def test_a_baseline_tells_no_secret_either(secrets, tmp_path):
    target = tmp_path / "baseline.json"
    accept = ["--baseline", str(target), "--update-baseline", "--reason", "a test", "--confidence", "low"]
    assert CliRunner().invoke(application, ["scan", *accept]).exit_code == 0
    text = target.read_text("utf-8")
    assert json.loads(text)["entries"]
    for secret in secrets:
        for dress in _dresses(secret):
            assert dress not in text
    again = CliRunner().invoke(application, ["scan", "--baseline", str(target), "--confidence", "low"])
    assert "No findings" in again.stdout
