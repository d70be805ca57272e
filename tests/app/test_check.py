import base64
import json
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from tokenward.app.check import check, rendered
from tokenward.app.cli.check import check as check_command
from tokenward.app.cli.init import init as init_command
from tokenward.app.findings import Finding
from tokenward.app.initialise import initialise

run = CliRunner()


def command(function):
    application = typer.Typer()
    application.command()(function)
    return application


@pytest.fixture
def configuration(tmp_path):
    initialise(tmp_path)
    return tmp_path / "tokenward.yaml"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def codes(path: Path) -> list[tuple[str, str]]:
    return [(it.severity, it.code) for it in check(path).findings]


def test_what_init_makes_has_no_errors(configuration):
    assert codes(configuration) == [("warning", "no-apis")]


@pytest.mark.parametrize("name", ["master.key", "admin.token"])
def test_a_secret_that_others_can_read_is_an_error(configuration, name):
    (configuration.parent / "data" / name).chmod(0o640)
    assert ("error", "secret-exposed") in codes(configuration)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("file:data/absent", "file"),
        ("file:data", "file"),
        ("env:TOKENWARD_TEST_ABSENT", "variable"),
        ("env:'not a name'", "variable"),
        ("cmd:no-such-program-here --x", "command"),
        ("cmd:./no/such/program", "command"),
        ("cmd:'", "command"),
    ],
)
def test_a_secret_that_is_not_there_is_a_warning(configuration, place, name):
    change(configuration, "file:data/master.key", json.dumps(place))
    (finding,) = [it for it in check(configuration).findings if it.code == "secret-missing"]
    assert (finding.severity, finding.line) == ("warning", 7)
    assert name in finding.text


def test_secrets_that_are_there_are_not_told(configuration, monkeypatch):
    key = base64.b64encode(bytes(32)).decode()
    monkeypatch.setenv("TOKENWARD_TEST_PRESENT", key)
    change(configuration, "file:data/master.key", "env:TOKENWARD_TEST_PRESENT")
    change(configuration, "file:data/admin.token", "cmd:cat x")
    assert codes(configuration) == [("warning", "no-apis")]
    assert key not in repr(check(configuration))


@pytest.mark.parametrize("key", ["hush-hush", "A" * 44, ""])
def test_a_master_key_that_cannot_be_one_is_an_error(configuration, key):
    (configuration.parent / "data" / "master.key").write_text(key)
    (finding,) = [it for it in check(configuration).findings if it.severity == "error"]
    assert (finding.code, finding.line) == ("secret-unusable", 7)
    assert not key or key not in repr(finding)


def test_checking_runs_no_command(configuration):
    trace = configuration.parent / "trace"
    change(configuration, "file:data/master.key", f"cmd:touch {trace}")
    check(configuration)
    assert not trace.exists()


def test_a_finding_is_one_line_and_its_remedy():
    finding = Finding(Path("/x/tokenward.yaml"), 3, 7, "error", "some-code", "it is wrong", "mend it")
    assert rendered(finding).plain == "/x/tokenward.yaml:3:7: error some-code: it is wrong\n    mend it"


def test_a_finding_cannot_steer_the_terminal():
    finding = Finding(Path("x\x1b[2J"), 1, 1, "error", "c", "a\x1b]0;title\x07\r\u202eb [red]x[/]", "c\nd")
    text = rendered(finding).plain
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)
    assert "[red]x[/]" in text
    assert text.count("\n") == 1


def test_colours_only_on_a_terminal():
    finding = rendered(Finding(Path("x"), 1, 1, "error", "c", "t", "r"))
    for color_system in ("standard", None):  # what Rich chooses on a terminal, and elsewhere
        console = Console(color_system=color_system, force_terminal=bool(color_system), width=200)
        with console.capture() as captured:
            console.print(finding)
        assert ("\x1b[" in captured.get()) is bool(color_system)


def test_the_command_ends_with_1_if_there_is_an_error_and_with_0_on_warnings(configuration):
    result = run.invoke(command(check_command), ["--config", str(configuration)])
    assert (result.exit_code, "1 warning" in result.output) == (0, True)
    assert "\x1b" not in result.output
    change(configuration, "store:", "stroe:")
    result = run.invoke(command(check_command), ["--config", str(configuration)])
    assert result.exit_code == 1
    assert ":6:1: error unknown-key: " in result.output
    assert "did you mean 'store'?" in result.output


def test_the_command_ends_with_2_if_there_is_no_file(tmp_path):
    result = run.invoke(command(check_command), ["--config", str(tmp_path / "absent.yaml")])
    assert result.exit_code == 2


def test_the_command_prints_the_schema(tmp_path):
    result = run.invoke(command(check_command), ["--schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["properties"]["apis"]["description"]


def test_init_makes_private_keys_that_no_repository_takes(tmp_path):
    result = initialise(tmp_path / "new")
    data = tmp_path / "new" / "data"
    assert [path.name for path in result.made] == [
        "tokenward.yaml",
        ".gitignore",
        "master.key",
        "admin.token",
    ]
    assert {path.name: path.stat().st_mode & 0o777 for path in data.iterdir()} == {
        ".gitignore": 0o600, "master.key": 0o600, "admin.token": 0o600,
    }  # fmt: skip
    assert data.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "tokenward.yaml").stat().st_mode & 0o777 == 0o644
    assert (data / ".gitignore").read_text().splitlines()[-1] == "*"


def test_init_overwrites_nothing_and_makes_what_is_missing(tmp_path):
    initialise(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "data" / "admin.token").unlink()
    (tmp_path / "tokenward.yaml").write_text("mine")
    again = initialise(tmp_path)
    assert [path.name for path in again.made] == ["admin.token"]
    assert (tmp_path / "tokenward.yaml").read_text() == "mine"
    assert (tmp_path / "data" / "master.key").read_bytes() == before[tmp_path / "data" / "master.key"]
    assert (tmp_path / "data" / "admin.token").read_bytes() != before[tmp_path / "data" / "admin.token"]


def test_the_init_command_tells_what_it_made_and_no_secret(tmp_path):
    result = run.invoke(command(init_command), [str(tmp_path)])
    assert result.exit_code == 0
    assert "master.key" in result.output
    for name in ("master.key", "admin.token"):
        assert (tmp_path / "data" / name).read_text().strip() not in result.output
    again = run.invoke(command(init_command), [str(tmp_path)])
    assert (again.exit_code, "made" in again.output) == (0, False)


def test_the_init_command_ends_with_2_where_it_cannot_write(tmp_path):
    (tmp_path / "data").write_text("in the way")
    result = run.invoke(command(init_command), [str(tmp_path)])
    assert result.exit_code == 2
