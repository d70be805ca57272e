"""The supervisor with processes that do nothing: what it does when things go wrong."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tokenward.app.listener import bind
from tokenward.app.supervisor import CannotStart, ProcessPlan, Supervisor, bind_all

_PROCESS = """
import os, sys, time
if "fail" in sys.argv:
    sys.exit(3)
handed = dict(each.split("=") for each in sys.argv if "=" in each)
if "silent" not in sys.argv:
    os.write(int(handed["ready"]), b"ready")
if "handed" in handed:
    print(os.pread(int(handed["handed"]), 99, 0).decode(), flush=True)
sys.stdin.read()  # until the supervisor is gone
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Plans of a process that does what its first argument says: be `ready`, stay `silent`, or `fail`."""
    (tmp_path / "does_nothing.py").write_text(_PROCESS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def made(does="ready", **over):
        return ProcessPlan(**{"name": "it", "module": "does_nothing", "arguments": (does,), **over})

    return made


@pytest.fixture
def supervise(tmp_path):
    return lambda plan: Supervisor([plan], metrics=tmp_path / "metrics", output=subprocess.DEVNULL)


def test_stop_ends_the_waiting_for_what_is_starting(plan, supervise):
    supervisor = supervise(plan("silent"))
    ready = []
    begin = time.monotonic()
    threading.Timer(0.5, supervisor.stop).start()
    with supervisor.running(on_ready=ready.append):
        supervisor.watch(lambda _name, _code: None)
    assert ready == []
    assert time.monotonic() - begin < 10


def test_a_process_that_ends_while_starting_is_told_with_its_exit_code(plan, supervise):
    supervisor = supervise(plan("fail"))
    with (
        pytest.raises(CannotStart, match="it process ended with exit code 3 while starting"),
        supervisor.running(),
    ):
        pass


def _watching(supervisor, told):
    thread = threading.Thread(target=supervisor.watch, args=(lambda name, code: told.append((name, code)),))
    thread.start()
    return thread


def _wait(condition):
    end = time.monotonic() + 15
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_what_a_dead_process_measured_of_itself_is_forgotten(plan, supervise):
    supervisor = supervise(plan())
    told = []
    with supervisor.running():
        process = supervisor._running["it"].process
        directory = Path(supervisor._environment["PROMETHEUS_MULTIPROC_DIR"])
        gauge, counter = (
            directory / f"gauge_liveall_{process.pid}.db",
            directory / f"counter_{process.pid}.db",
        )
        gauge.touch()
        counter.touch()
        thread = _watching(supervisor, told)
        os.kill(process.pid, signal.SIGKILL)
        _wait(lambda: supervisor._running["it"].process is not process)
        supervisor.stop()
        thread.join(10)
        assert (gauge.exists(), counter.exists()) == (False, True)
    assert told == [("it", -signal.SIGKILL)]


def test_a_process_that_cannot_be_started_again_yet_is_tried_again(plan, monkeypatch, supervise):
    supervisor = supervise(plan())
    told = []
    with supervisor.running():
        process = supervisor._running["it"].process
        real, refused = supervisor._start, []

        def start(plan):
            if not refused:
                refused.append(plan)
                raise BlockingIOError
            return real(plan)

        monkeypatch.setattr(supervisor, "_start", start)
        thread = _watching(supervisor, told)
        os.kill(process.pid, signal.SIGKILL)
        _wait(lambda: supervisor._running["it"].process is not process)
        supervisor.stop()
        thread.join(10)
    assert len(refused) == 1


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_others_take_over_once_they_are_ready(plan, supervise):
    supervisor = supervise(plan())
    replaced = threading.Event()

    def replace():
        if not replaced.is_set():
            supervisor.replace([plan(handed=b"the new one")])
            replaced.set()

    with supervisor.running():
        old = supervisor._running["it"].process
        thread = threading.Thread(target=supervisor.watch, args=(print,), kwargs={"every_second": replace})
        thread.start()
        _wait(lambda: replaced.is_set() and not _alive(old.pid))
        new = supervisor._running["it"].process
        assert _alive(new.pid)
        assert new.pid != old.pid
        # What is brought back is the new one, too.
        os.kill(new.pid, signal.SIGKILL)
        _wait(lambda: supervisor._running["it"].process is not new)
        assert supervisor._running["it"].plan.handed == b"the new one"
        supervisor.stop()
        thread.join(10)
    assert not _alive(supervisor._running["it"].process.pid)


@pytest.mark.parametrize("does", ["fail", "silent"])
def test_who_does_not_become_ready_takes_nothing_over(does, plan, supervise, monkeypatch):
    good = plan()
    supervisor = supervise(good)
    with supervisor.running():
        monkeypatch.setattr("tokenward.app.supervisor.READY_SECONDS", 0.5)
        old = supervisor._running["it"]
        with pytest.raises(CannotStart, match="the it process"):
            supervisor.replace([plan(does)])
        assert supervisor._running["it"] is old
        assert _alive(old.process.pid)
        assert supervisor._plans["it"] is good
        failed = supervisor._leaving[0].process
    assert not _alive(failed.pid), "nor is it left behind"


def test_two_programs_cannot_bind_one_port():
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: "):
            bind_all({"issuer": ("127.0.0.1", 0), "gateway": ("127.0.0.1", port)})
