"""The supervisor with processes that do nothing: what it does when things go wrong."""

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tokenward.app.listener import bind
from tokenward.app.supervisor import CannotStart, ProcessPlan, Supervisor, bind_all


@pytest.fixture
def silent():
    """The URL of a port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/"


def _plan(health, module="http.server", *arguments):
    return ProcessPlan(name="it", module=module, arguments=arguments or ("0",), health=health)


@pytest.fixture
def supervise(tmp_path):
    return lambda plan: Supervisor([plan], metrics=tmp_path / "metrics", output=subprocess.DEVNULL)


def test_stop_ends_the_waiting_for_what_is_starting(silent, supervise):
    supervisor = supervise(_plan(silent))
    ready = []
    begin = time.monotonic()
    threading.Timer(0.5, supervisor.stop).start()
    with supervisor.running(on_ready=ready.append):
        supervisor.watch(lambda _name, _code: None)
    assert ready == []
    assert time.monotonic() - begin < 10


def test_a_process_that_ends_while_starting_is_told_with_its_exit_code(silent, supervise):
    supervisor = supervise(_plan(silent, "http.server", "--no-such-option"))
    with (
        pytest.raises(CannotStart, match="it process ended with exit code 2 while starting"),
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


@pytest.fixture
def answering():
    """The health URL of a process that serves files on a port that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    return _plan(f"http://127.0.0.1:{port}/", "http.server", str(port), "--bind", "127.0.0.1")


def test_what_a_dead_process_measured_of_itself_is_forgotten(answering, supervise):
    supervisor = supervise(answering)
    told = []
    with supervisor.running():
        process = supervisor._processes["it"]
        directory = Path(supervisor._environment["PROMETHEUS_MULTIPROC_DIR"])
        gauge, counter = (
            directory / f"gauge_liveall_{process.pid}.db",
            directory / f"counter_{process.pid}.db",
        )
        gauge.touch()
        counter.touch()
        thread = _watching(supervisor, told)
        os.kill(process.pid, signal.SIGKILL)
        _wait(lambda: supervisor._processes["it"] is not process)
        supervisor.stop()
        thread.join(10)
        assert (gauge.exists(), counter.exists()) == (False, True)
    assert told == [("it", -signal.SIGKILL)]


def test_a_process_that_cannot_be_started_again_yet_is_tried_again(answering, monkeypatch, supervise):
    supervisor = supervise(answering)
    told = []
    with supervisor.running():
        process = supervisor._processes["it"]
        real, refused = supervisor._start, []

        def start(plan):
            if not refused:
                refused.append(plan)
                raise BlockingIOError
            real(plan)

        monkeypatch.setattr(supervisor, "_start", start)
        thread = _watching(supervisor, told)
        os.kill(process.pid, signal.SIGKILL)
        _wait(lambda: supervisor._processes["it"] is not process)
        supervisor.stop()
        thread.join(10)
    assert len(refused) == 1


def test_two_programs_cannot_bind_one_port():
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: "):
            bind_all({"issuer": ("127.0.0.1", 0), "gateway": ("127.0.0.1", port)})
