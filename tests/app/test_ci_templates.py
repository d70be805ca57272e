"""The scripts of action.yml and templates/ are run as a runner runs them, but for the installation."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from git_repositories import Repository, isolated
from tokenward.leaks.rulebook.templates import fill

ROOT = Path(__file__).parents[2]
LEAK = fill("token = '{checksum:crc-of-body ghp_}'\n", "a").decode()


@pytest.fixture
def repository(tmp_path) -> Repository:
    repository = Repository(tmp_path / "r")
    repository.commit({"old.py": LEAK})
    repository.commit({"a.py": "x = 1\n"})
    return repository


def run(
    repository: Repository, shell: list[str], script: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [*shell, "-c", script],
        cwd=repository.path, env=isolated(repository.path) | {"PATH": path} | variables,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def action(repository: Repository, **variables: str) -> subprocess.CompletedProcess[str]:
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    (scan,) = [step for step in steps if step.get("name") == "Scan"]
    given = {"OPTIONS": "", "REPORT": "out.sarif", "BASE": "", "HEAD": repository.id_of("HEAD")} | variables
    assert given.keys() - {"RUNNER_TEMP"} == scan["env"].keys()
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
    return run(repository, shell, scan["run"], RUNNER_TEMP=str(repository.path / "nowhere"), **given)


def whole_action(repository: Repository, **variables: str) -> subprocess.CompletedProcess[str]:
    steps = yaml.safe_load((ROOT / "actions/ci/action.yml").read_text())["runs"]["steps"]
    (look,) = [step for step in steps if step.get("name") == "Look"]
    given = {"OPTIONS": "", "REPORT": "out.sarif", "BASE": ""} | variables
    assert given.keys() == look["env"].keys()
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
    return run(repository, shell, look["run"], RUNNER_TEMP=str(repository.path / "nowhere"), **given)


def whole_gitlab(repository: Repository, **variables: str) -> subprocess.CompletedProcess[str]:
    _, job = yaml.safe_load_all((ROOT / "templates/ci.yml").read_text())
    return run(repository, ["sh", "-e"], "\n".join(job["tokenward"]["script"]), **variables)


def gitlab(repository: Repository, **variables: str) -> subprocess.CompletedProcess[str]:
    _, job = yaml.safe_load_all((ROOT / "templates/leak-scan.yml").read_text())
    script = "\n".join(job["leak-scan"]["script"])
    return run(repository, ["sh", "-e"], script, CI_COMMIT_SHA=repository.id_of("HEAD"), **variables)


@pytest.mark.parametrize("base", ["", "0" * 40, "1" * 40])
def test_without_a_base_the_whole_history_is_scanned(repository, base):
    for done in (action(repository, BASE=base), gitlab(repository, CI_COMMIT_BEFORE_SHA=base)):
        assert done.returncode == 1, done.stderr
        assert "tokenward scan --history" in done.stdout
    for report in ("out.sarif", "tokenward.sarif"):
        assert len(json.loads((repository.path / report).read_text())["runs"][0]["results"]) == 1


def test_with_a_base_only_what_is_new_is_scanned(repository):
    base = repository.id_of("HEAD~")
    assert action(repository, BASE=base).returncode == 0
    assert gitlab(repository, CI_MERGE_REQUEST_DIFF_BASE_SHA=base).returncode == 0
    repository.commit({"b.py": LEAK.replace("SHW3", "SHW4")})  # its checksum is wrong now: no credential
    repository.commit({"c.py": LEAK})
    assert action(repository, BASE=base).returncode == 1
    assert gitlab(repository, CI_COMMIT_BEFORE_SHA=base).returncode == 1


def test_options_choose_what_is_scanned_and_run_nothing(repository):
    assert action(repository, OPTIONS="--range HEAD~..HEAD").returncode == 0
    assert gitlab(repository, LEAK_SCAN_OPTIONS="--range HEAD~..HEAD").returncode == 0
    hostile = "--range $(touch${IFS}x);touch${IFS}x"
    assert action(repository, OPTIONS=hostile).returncode == 2
    assert action(repository, BASE="$(touch x)", HEAD="$(touch x)").returncode == 1
    assert not (repository.path / "x").exists()


def test_a_merge_request_is_looked_at_by_what_it_changes_and_a_push_whole(repository):
    base = repository.id_of("HEAD~")
    for done in (whole_action(repository), whole_gitlab(repository)):
        assert done.returncode == 1, done.stderr
    assert whole_action(repository, BASE=base).returncode == 0
    assert whole_gitlab(repository, CI_MERGE_REQUEST_DIFF_BASE_SHA=base).returncode == 0
    assert whole_action(repository, OPTIONS="--skip scan").returncode == 0
    assert whole_gitlab(repository, TOKENWARD_CI_OPTIONS="--skip scan").returncode == 0
    assert whole_action(repository, OPTIONS="--skip $(touch${IFS}x)").returncode == 2
    assert not (repository.path / "x").exists()
    for report in ("out.sarif", "tokenward.sarif"):
        log = json.loads((repository.path / report).read_text())
        assert log["runs"][0]["automationDetails"]["id"] == "tokenward/ci/"


@pytest.mark.parametrize("action_file", ["action.yml", "actions/ci/action.yml"])
def test_nothing_of_others_is_a_part_of_the_script(action_file):
    steps = yaml.safe_load((ROOT / action_file).read_text())["runs"]["steps"]
    assert not [step for step in steps if "${{" in step.get("run", "")]


def test_the_hook_for_pre_commit_stops_a_commit(repository):
    hook, before_a_push = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["pass_filenames"] is before_a_push["pass_filenames"] is False
    assert run(repository, ["sh"], before_a_push["entry"]).returncode == 0
    repository.write({"b.py": LEAK})
    assert run(repository, ["sh"], hook["entry"]).returncode == 0
    repository.git("add", "b.py")
    assert run(repository, ["sh"], hook["entry"]).returncode == 1
