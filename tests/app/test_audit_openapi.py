import json
import os
import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tokenward.app.cli import application, audit_openapi_at_once
from tokenward.app.openapi_audit import audit
from tokenward.app.samples import SAMPLES

PROGRAM = str(Path(sys.executable).with_name("tokenward"))
BASIC = """openapi: 3.1.0
info: {title: Shop, version: "1"}
components:
  securitySchemes:
    password:
      type: http
      scheme: basic
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words, code=0):
        result = CliRunner().invoke(application, ["audit", "openapi", *words])
        assert result.exit_code == code, result.output
        return result

    return run


def test_a_finding_has_its_line_and_decides_the_exit_code(run, tmp_path):
    (tmp_path / "shop.yaml").write_text(BASIC)
    report = json.loads(run("shop.yaml", "--format", "json", code=1).stdout)
    place = next(it for it in report["findings"] if it["rule"]["id"] == "openapi.http-basic")["locations"][0]
    assert (place["path"], place["line"], place["column"]) == ("shop.yaml", 5, 5)
    assert place["pointer"] == "/components/securitySchemes/password"


def test_what_is_less_severe_than_fail_on_is_told_and_does_not_fail(run, tmp_path):
    (tmp_path / "shop.yaml").write_text(BASIC)
    assert "HTTP Basic" in run("shop.yaml", "--fail-on", "critical").stdout


def test_a_file_that_is_not_there_is_exit_code_2(run):
    assert "there is no such file" in run("nothing.yaml", code=2).stderr


def test_a_malformed_document_is_audited_up_to_where_it_breaks(run, tmp_path):
    (tmp_path / "shop.yaml").write_text("openapi: 3.1.0\nservers: [{url: 'http://api.example.com'}]\ninfo: [")
    report = json.loads(run("shop.yaml", "--format", "json", code=1).stdout)
    assert report["complete"] is False
    assert "line 3, column 8: not YAML" in report["problems"][0]["why"]
    assert "openapi.server-http" in {it["rule"]["id"] for it in report["findings"]}
    run("shop.yaml", "--fail-on", "critical", code=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "shop.yaml:1:1: the file is empty"),
        ("a: 1", "no OpenAPI document: neither"),
        ("[1]", "no object with `openapi`"),
        ("openapi: 4.0.0", "'4.0.0' is not known"),
        ("asyncapi: 3.0.0", "AsyncAPI"),
        ("\xff", "not UTF-8"),
    ],
    ids=["empty", "other", "list", "future", "asyncapi", "latin"],
)
def test_what_is_no_openapi_document_is_told(run, tmp_path, text, said):
    (tmp_path / "shop.yaml").write_bytes(text.encode("latin-1"))
    assert said in run("shop.yaml", code=2).stderr


# What our samples leave open, and why.
OPEN = {
    "openapi.hsts-missing": "the demonstration is on this machine, without TLS",
    "openapi.rate-limit-undocumented": "limits are the gateway's, by configuration; the document has its 429",
    "openapi.response-500-missing": "what fails inside is answered by the gateway, for all APIs alike",
    "openapi.string-unrestricted": "names of payees and references are free text",
    "openapi.scope-missing": "a payment is opened by authorization details (RFC 9396), not by a scope",
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_our_samples_leave_nothing_open_without_a_reason(name):
    report = audit(str(SAMPLES[name].document))
    assert {row.kind.id for row in report.rows} <= set(OPEN)
    assert report.summary["score"] >= 90
    assert not report.problems


def test_a_url_is_fetched_by_the_safe_client(run, tmp_path):
    (tmp_path / "shop.yaml").write_text(BASIC)
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            report = json.loads(run(f"{address}/shop.yaml", "--format", "json", code=1).stdout)
            assert "answered 404" in run(f"{address}/none.yaml", code=2).stderr
        finally:
            server.shutdown()
    assert report["findings"][0]["locations"][0]["path"] == f"{address}/shop.yaml"


@pytest.mark.parametrize(
    "url", ["https://10.0.0.1/x.json", "http://example.com/x.json", "https://[fe80::1]/"]
)
def test_no_private_address_and_no_plain_http_elsewhere_is_fetched(run, url):
    assert "was not fetched" in run(url, code=2).stderr


def test_an_address_that_is_none_is_exit_code_2(run):
    assert "is no address" in run("http://[", code=2).stderr


# What takes milliseconds to import, and an audit of a document in JSON has no use for.
HEAVY = frozenset(
    {
        "cryptography",
        "jinja2",
        "pydantic",
        "rich",
        "tomllib",
        "typer",
        "yaml",
        "tokenward.app.cli.console",
        "tokenward.base.outbound",
        "tokenward.base.documents.yaml_text",
        "tokenward.leaks.baseline",
        "tokenward.leaks.rulebook.reading",
        "tokenward.leaks.sources.tree",
    }
)
IMPORTED = """
import sys
sys.argv[1:] = ["audit", "openapi", "shop.json", "--format", "sarif"]
from tokenward.app.cli import main
try:
    main()
except SystemExit as end:
    sys.stderr.write(f"{end.code} {' '.join(sys.modules)}")
"""
DOCUMENT = {"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "paths": {"/a": {"get": {}}}}


@pytest.fixture
def started(tmp_path, scanner_cache):
    """Runs the command as a process of its own, in a directory with two documents."""
    (tmp_path / "shop.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "shop.yaml").write_text(BASIC)
    environment = {**os.environ, "XDG_CACHE_HOME": str(scanner_cache)}

    def started(*words, command=(PROGRAM, "audit", "openapi")):
        return subprocess.run(
            [*command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return started


def test_a_document_is_audited_without_a_parser_of_options_a_painter_yaml_or_the_network(started):
    done = started(command=(sys.executable, "-c", IMPORTED))
    assert json.loads(done.stdout)["version"] == "2.1.0"
    code, *modules = done.stderr.split()
    assert code == "1"
    assert HEAVY & set(modules) == set()


@pytest.mark.parametrize(
    "words",
    [
        ("shop.yaml",),
        ("shop.yaml", "--fail-on", "critical", "--profile", "internal"),
        ("--format", "markdown", "shop.yaml"),
        ("shop.yaml", "--format", "sarif"),
        ("nothing.yaml",),
        ("shop.yaml", "--output", "nowhere/report.json", "--format", "json"),
    ],
    ids=" ".join,
)
def test_it_says_the_same_as_behind_the_parser(started, words):
    document = next(word for word in words if word.endswith(".yaml"))
    options = [word for word in words if word != document]
    plain, through = started(*words), started(*options, "--", document)  # with "--" the parser looks at them
    assert plain.returncode == through.returncode
    assert _timeless(plain.stdout) == _timeless(through.stdout)
    assert plain.stderr == through.stderr
    assert plain.stdout or plain.stderr


def _timeless(text):
    text = re.sub(r'"seconds":[0-9.]+|[0-9.]+ s\b', "", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "", text)


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--format=json", "shop.yaml"),
        ("shop.yaml", "--profile", "everybody"),
        ("shop.yaml", "--fail-on", "CRITICAL"),
        ("shop.yaml", "--format", "pdf"),
        ("shop.yaml", "--format"),
        ("shop.yaml", "--output", "--format"),
        ("shop.yaml", "--profil", "public"),
        ("shop.yaml", "--profile", "public", "--profile", "internal"),
        ("shop.yaml", "shop.json"),
        ("", "--profile", "public"),
        (),
    ],
    ids=" ".join,
)
def test_what_is_not_plain_is_the_parsers(words, monkeypatch):
    monkeypatch.setattr(audit_openapi_at_once, "run", lambda asked: pytest.fail(f"{asked}"))
    assert audit_openapi_at_once.at_once(["audit", "openapi", *words]) is None


def test_nobody_who_reads_the_report_is_no_crash(tmp_path, scanner_cache):
    wide = {**DOCUMENT, "paths": {f"/{number}": {"get": {}} for number in range(3_000)}}
    (tmp_path / "shop.json").write_text(json.dumps(wide))
    command = f"{PROGRAM} audit openapi shop.json --format json"
    environment = {**os.environ, "XDG_CACHE_HOME": str(scanner_cache)}
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            command.split(), cwd=tmp_path, env=environment, stdout=gone, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (2, b"nobody reads the report to its end\n")
