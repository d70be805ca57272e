"""`tokenward ci`: everything in one run, on a repository as people have them."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.demo_policy import SAMPLE, write_policy
from git_repositories import Repository
from targets.serving import Refused, api, running
from tokenward.app import probing
from tokenward.app.ci.documents import api_documents
from tokenward.app.cli import application
from tokenward.auditor.attacks.kit import Kit
from tokenward.leaks.rulebook.templates import fill

ADMITTED = Kit.issue(issuer="https://issuer.example", audience="bank", now=1_700_000_000).good
LEAK = fill("token = '{checksum:crc-of-body ghp_}'\n", "a").decode()
WEAK = """\
openapi: 3.0.3
info: {title: Shop, version: "1"}
servers: [{url: "https://shop.example"}]
security: [{legacy: []}]
paths:
  /orders:
    get: {responses: {"200": {description: ok}}}
components:
  securitySchemes:
    legacy: {type: http, scheme: basic}
"""


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Repository:
    repository = Repository(tmp_path / "shop")
    repository.commit({"readme.txt": "hello\n"})
    monkeypatch.chdir(repository.path)
    return repository


def ci(*options, code):
    done = CliRunner().invoke(application, ["ci", *options])
    assert done.exit_code == code, done.output
    return done


def report(*options, code):
    return json.loads(ci("--format", "json", *options, code=code).stdout)


def rules(told):
    return sorted(each["rule"]["id"] for each in told["findings"])


def test_a_repository_without_anything_wrong_is_clean_and_says_what_it_has_not(repository):
    told = report(code=0)
    assert told["findings"] == []
    assert told["tool"]["part"] == "ci"
    assert [note.partition(":")[0] for note in told["notes"]] == ["scan", "openapi", "check", "test"]
    assert "there is no OpenAPI document" in told["notes"][1]


def test_every_part_is_in_one_report_worst_first(repository):
    repository.commit({"a.py": LEAK, "api/openapi.yaml": WEAK, "tokenward.yaml": "issuer: {}\n"})
    told = report(code=1)
    found = rules(told)
    assert {"openapi.http-basic", "github-personal-access-token"} <= set(found)
    assert any(each.startswith("configuration.") for each in found)
    ranks = ["critical", "high", "medium", "low", "info"]
    severities = [ranks.index(each["severity"]) for each in told["findings"]]
    assert severities == sorted(severities)
    basic = next(each for each in told["findings"] if each["rule"]["id"] == "openapi.http-basic")
    assert basic["locations"][0]["path"] == "api/openapi.yaml"
    repository.commit({"shop.policytest.yaml": "tests: []\n"})
    told = report(code=1)
    assert "nothing was tried" in told["notes"][3]
    assert told["problems"][0]["path"] == "shop.policytest.yaml"


def test_a_policy_test_that_fails_is_a_finding(repository):
    write_policy(repository.path)
    suite = SAMPLE.read_text()
    repository.commit({"bank.policytest.yaml": suite})
    skipped = ("--skip", "openapi", "--skip", "check", "--skip", "scan")
    assert report(*skipped, code=0)["findings"] == []
    repository.commit({"bank.policytest.yaml": suite.replace("expect: allow", "expect: no_credential", 1)})
    told = report(*skipped, code=1)
    assert rules(told) == ["policy.test-failed"]
    assert told["findings"][0]["locations"][0]["path"] == "bank.policytest.yaml"
    assert sum(note.endswith("left out") for note in told["notes"]) == 3


def test_only_what_is_severe_enough_fails(repository):
    repository.commit({"api/openapi.yaml": WEAK})
    ci("--skip", "scan", "--fail-on", "critical", code=0)
    ci("--skip", "scan", code=1)


@pytest.mark.parametrize(
    ("name", "text", "is_one"),
    [
        ("a.yaml", WEAK, True),
        ("a.yml", "# of the shop\n'swagger': '2.0'\n", True),
        ("a.json", '{"info": {}, "openapi": "3.1.0"}', True),
        ("a.yaml", "case:\n  openapi: 3.0.3\n", False),
        ("a.json", '{"text": "openapi: 3.0.3"}', False),
        ("a.txt", WEAK, False),
    ],
)
def test_a_document_is_what_says_so(repository, name, text, is_one):
    repository.write({name: text})
    assert list(api_documents()) == [name] * is_one


def test_what_cannot_be_looked_at_is_no_success(repository):
    repository.commit({"api/openapi.yaml": "openapi: 3.0.3\npaths: {a: [}\n"})
    told = report(code=2)
    assert told["problems"][0]["path"] == "api/openapi.yaml"
    assert told["summary"]["unseen"] == 1


def test_a_baseline_accepts_what_is_there_and_nothing_that_is_new(repository):
    repository.commit({"a.py": LEAK, "api/openapi.yaml": WEAK})
    base = ("--baseline", "accepted.json")
    ci(*base, "--update-baseline", code=2)  # no reason
    assert not Path("accepted.json").exists()
    ci(*base, "--update-baseline", "--reason", "as it was", code=0)
    assert LEAK.split("'")[1] not in Path("accepted.json").read_text()
    before = report(*base, code=0)
    assert before["findings"] == []
    assert before["accepted"][0]["acceptance"]["reason"] == "as it was"
    more = WEAK + "    older: {type: http, scheme: basic}\n"
    repository.commit({"api/openapi.yaml": more})
    pointers = {each["locations"][0]["pointer"] for each in report(*base, code=1)["findings"]}
    assert "/components/securitySchemes/older" in pointers
    assert "/components/securitySchemes/legacy" not in pointers


def test_an_entry_that_accepts_nothing_any_more_is_told_after_a_whole_run_and_taken_out(repository):
    repository.commit({"api/openapi.yaml": WEAK})
    base = ("--baseline", "accepted.json")
    ci(*base, "--update-baseline", "--reason", "as it was", code=0)
    (repository.path / "api/openapi.yaml").unlink()
    assert any("nothing any more" in note for note in report(*base, code=0)["notes"])
    assert not any("nothing any more" in note for note in report(*base, "--skip", "openapi", code=0)["notes"])
    ci(*base, "--update-baseline", "--reason", "again", code=0)
    assert json.loads(Path("accepted.json").read_text())["entries"] == []


def test_only_what_changed_is_looked_at(repository):
    repository.commit({"old.py": LEAK, "old/openapi.yaml": WEAK})
    repository.git("branch", "main-before")
    repository.commit({"new/openapi.yaml": WEAK})
    told = report("--changed", "main-before", code=1)
    assert {each["locations"][0]["path"] for each in told["findings"]} == {"new/openapi.yaml"}
    assert "1 are as they were" in told["notes"][1]
    repository.git("branch", "then")
    repository.commit({"old/parts/a.yaml": "x: 1\n"})  # what the old document may refer to
    told = report("--changed", "then", code=1)
    assert {each["locations"][0]["path"] for each in told["findings"]} == {"old/openapi.yaml"}


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "a b"])
def test_a_revision_that_is_none_is_an_error(repository, revision):
    done = ci(f"--changed={revision}", code=2)
    assert "no changes since" in done.stderr
    assert not Path("x").exists()


def test_a_submodule_that_was_moved_is_looked_at(repository, tmp_path):
    parts = Repository(tmp_path / "parts")
    parts.commit({"openapi.yaml": WEAK})
    repository.git("submodule", "--quiet", "add", f"file://{parts.path}", "parts")
    repository.commit({})
    parts.commit({"openapi.yaml": WEAK.replace("Shop", "Store")})
    repository.git("submodule", "--quiet", "update", "--remote")
    repository.commit({})
    told = report("--changed", "HEAD~1", code=1)
    assert {each["locations"][0]["path"] for each in told["findings"]} == {"parts/openapi.yaml"}


def test_a_clone_without_its_history_says_so(repository, tmp_path, monkeypatch):
    repository.commit({"a.txt": "a\n"})
    Repository(tmp_path).git("clone", "--quiet", "--depth", "1", f"file://{repository.path}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    told = ci("--changed", "HEAD~1", code=2).stderr
    assert "no changes since HEAD~1: bad revision" in told
    assert "fetch-depth: 0" in told


def test_changes_are_of_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "this is no git repository" in ci("--changed", "main", code=2).stderr


def test_a_configuration_that_was_named_must_be_there(repository):
    told = report("--config", "typo.yaml", code=2)
    assert {each["path"] for each in told["problems"]} == {"typo.yaml"}
    Path("tokenward.yaml").symlink_to("nowhere.yaml")
    assert any(each.startswith("configuration.") for each in rules(report(code=1)))


def test_a_run_of_nothing_is_no_success(repository):
    everything = [word for part in ("scan", "openapi", "check", "test") for word in ("--skip", part)]
    assert "nothing is looked at" in ci(*everything, code=2).stderr


def test_a_live_api_is_probed_with_a_good_token(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(probing, "probe", partial(probing.probe, sleep=lambda _: None))
    (tmp_path / "token").write_text(f"{ADMITTED}\n")
    only = ("--skip", "scan", "--skip", "openapi", "--skip", "check", "--skip", "test")

    def careless(token):
        if "." not in token:  # all that it looks at
            raise Refused

    with running(api(careless)) as url:
        told = report(*only, "--probe", url, "--token", f"@{tmp_path / 'token'}", code=1)
    assert any(rule.startswith("probe.") for rule in rules(told))
    assert ADMITTED not in json.dumps(told)
    gone = ci(*only, "--probe", url, "--token", f"@{tmp_path / 'token'}", code=2)
    assert "could not be done" in gone.output
    ci(*only, "--probe", url, code=2)
    ci(*only, "--token", "-", code=2)
    elsewhere = ci(*only, "--probe", "http://192.0.2.1/", "--token", f"@{tmp_path / 'token'}", code=2)
    assert "--i-may-test-this" in elsewhere.output


def test_no_secret_is_in_any_form_of_the_report(repository):
    repository.commit({"a.py": LEAK, "openapi.yaml": WEAK})
    secret = LEAK.split("'")[1]
    for form in ("terminal", "json", "sarif", "html", "markdown"):
        assert secret not in ci("--format", form, code=1).output


def test_it_starts_no_server(repository):
    script = "import sys; from tokenward.app.cli import ci; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"uvicorn", "sqlalchemy.orm"} & set(loaded.stdout.split())
