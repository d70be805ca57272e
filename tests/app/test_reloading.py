"""A changed configuration is taken up whole or not at all, and what changed is told."""

import os
import shutil
from pathlib import Path

import pytest

from tokenward.app.config import load
from tokenward.app.reloading import Reloader
from tokenward.app.samples import SAMPLES
from tokenward.app.snapshot import Snapshot
from tokenward.app.supervisor import CannotStart

CONFIGURATION = """\
store: sqlite:tokenward.db
master_key: env:MASTER_KEY
issuer: {url: "http://127.0.0.1:8080", listen: "127.0.0.1:8080"}
gateway: {url: "http://127.0.0.1:8000", listen: "127.0.0.1:8000"}
admin: {listen: "127.0.0.1:8081", token: env:ADMIN_TOKEN}
apis:
  bank:
    openapi: bank.openapi.yaml
    upstream: http://127.0.0.1:9
    risk: moderate
    operations:
      createTransfer: {risk: high}
      createPayment: {scopes: ["payments:write"]}
"""


class Running:
    """A configuration in a directory, and a reloader whose servers are a list."""

    def __init__(self, directory):
        self.path = directory / "tokenward.yaml"
        self.document = directory / "bank.openapi.yaml"
        self.path.write_text(CONFIGURATION)
        shutil.copy(SAMPLES["bank"].document, self.document)
        self.started, self.told, self.fails = [], [], None
        self.reloader = Reloader(
            load(self.path).configuration, start=self._start, tell=lambda line: self.told.append(line.strip())
        )
        self._age = 0

    def _start(self, configuration):
        if self.fails:
            raise CannotStart(self.fails)
        self.started.append(configuration)

    def write(self, path, text):
        path.write_text(text)
        self._age += 1
        os.utime(
            path, (self._age, self._age)
        )  # two writes within a tick of the file system's clock differ, too

    def change(self, old, new, path=None):
        text = (path or self.path).read_text()
        assert old in text
        self.write(path or self.path, text.replace(old, new))

    def look(self, times=2):
        self.told.clear()
        for _ in range(times):
            self.reloader.look()
        return self.told


@pytest.fixture
def running(tmp_path):
    return Running(tmp_path)


def test_nothing_happens_while_nothing_changes(running):
    assert running.look(5) == []
    running.change("apis:", "# a remark\napis:")
    assert running.look(5) == []
    assert running.started == []


def test_a_change_of_the_configuration_is_taken_up_and_told(running):
    running.change("{risk: high}", "{risk: critical}")
    assert running.look() == [
        "the configuration was loaded anew:",
        "apis.bank.operations.createTransfer.risk: high → critical",
        "bank: POST /transfers: tier high, scopes transfers:write → tier critical, scopes transfers:write",
    ]
    assert running.started == [running.reloader.configuration]
    assert running.look(5) == [], "once"


def test_so_is_one_of_a_document(running):
    document = running.document.read_text()
    running.write(running.document, document.replace("/transfers:", "/moves:"))
    told = running.look()
    assert told[0] == "the configuration was loaded anew:"
    assert "- bank: POST /transfers, tier high, scopes transfers:write" in told
    assert "+ bank: POST /moves, tier high, scopes transfers:write" in told
    assert told[-1] == "bank.openapi.yaml has changed"


def test_apis_come_and_go(running):
    second = CONFIGURATION.partition("apis:\n")[2].replace("bank:", "other:")
    running.write(running.path, CONFIGURATION + second)
    assert "+ other: POST /transfers, tier high, scopes transfers:write" in running.look()
    running.write(running.path, CONFIGURATION)
    assert "- other: POST /transfers, tier high, scopes transfers:write" in running.look()
    assert [len(each.policy.apis) for each in running.started] == [2, 1]


def test_a_file_that_is_being_written_is_left_until_it_rests(running):
    for number in range(4):
        running.write(running.path, CONFIGURATION + f"name: Bank {number}\n")
        running.look(1)
    assert running.started == []
    assert running.look(1)[1:] == ["name: Tokenward → Bank 3"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("apis: [", "tokenward.yaml"),
        (CONFIGURATION.replace("risk: high", "risk: extreme"), "tokenward.yaml:12"),
        (CONFIGURATION.replace("bank.openapi.yaml", "gone.yaml"), "there is no file"),
    ],
    ids=["no YAML", "no such tier", "no such document"],
)
def test_what_is_broken_changes_nothing_and_is_told_once(broken, told, running):
    before = running.reloader.configuration
    running.write(running.path, broken)
    first, where = running.look(6)
    assert first == "the configuration was changed and has 1 error; what runs is kept"
    assert told in where
    assert running.started == []
    assert running.reloader.configuration is before
    running.write(running.path, CONFIGURATION.replace("risk: high", "risk: critical"))
    assert running.look()[0] == "the configuration was loaded anew:"


def test_a_document_that_was_missing_is_noticed_when_it_comes_back(running):
    text = running.document.read_text()
    running.document.unlink()
    assert "what runs is kept" in running.look()[0]
    running.write(running.document, text.replace("/transfers:", "/moves:"))
    assert running.look()[0] == "the configuration was loaded anew:"


def test_servers_that_do_not_start_change_nothing(running):
    running.fails = "the gateway process ended with exit code 2 while starting"
    before = running.reloader.configuration
    running.change("risk: high", "risk: critical")
    (told,) = running.look(5)
    assert told == f"the configuration was changed, but {running.fails}; what ran before is kept"
    assert running.reloader.configuration is before
    running.fails = None
    running.reloader.ask()
    assert running.look()[0] == "the configuration was loaded anew:"


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ('listen: "127.0.0.1:8000"', 'listen: "127.0.0.1:8001"', "gateway.listen"),
        ("sqlite:tokenward.db", "sqlite:other.db", "store"),
        ("env:MASTER_KEY", "env:OTHER", "master_key"),
    ],
    ids=["where it listens", "its database", "its key"],
)
def test_what_is_opened_once_needs_a_restart(old, new, name, running):
    running.change(old, new)
    assert running.look(4) == [f"{name}: such a change needs a restart; what runs is kept"]
    assert running.started == []


def test_asked_to_it_starts_servers_though_no_file_changed(running):
    running.reloader.ask()
    assert running.look(3) == ["the configuration was loaded anew"]
    assert len(running.started) == 1


def test_servers_go_by_what_was_checked_and_not_by_what_the_files_say_now(running):
    handed = running.reloader.configuration.files.packed()
    running.write(running.path, "apis: [")
    running.document.unlink()
    restored = load(running.path, Snapshot.unpacked(handed)).configuration
    assert restored.settings == running.reloader.configuration.settings
    assert [api.operations for api in restored.policy.apis] == [
        api.operations for api in running.reloader.configuration.policy.apis
    ]


def test_a_snapshot_reads_each_file_once_and_remembers_what_it_asked_for(tmp_path):
    file, gone = tmp_path / "a", tmp_path / "b"
    file.write_bytes(b"first")
    files = Snapshot()
    assert files.content(file, 100) == b"first"
    file.write_bytes(b"second")
    assert files.content(file, 100) == b"first"
    with pytest.raises(FileNotFoundError):
        files.content(gone, 100)
    with pytest.raises(IsADirectoryError):
        files.content(Path("/dev/null"), 100)
    assert files.paths == {file, gone, Path("/dev/null")}
    assert files.content(tmp_path / "a", 2) == b"first"
    assert Snapshot().content(file, 2) == b"sec"
