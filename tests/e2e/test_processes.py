"""Processes come back when they die, and none is left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def _role(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def _gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() and "Z" not in _state(pid) for pid in pids)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def _wait(condition, seconds=15.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def _tokenward(*arguments: str, cwd: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tokenward.app.cli", *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.fixture
def house(tmp_path):
    """A directory with a configuration without APIs, on free ports."""
    made = _tokenward("init", cwd=tmp_path)
    made.communicate(timeout=60)
    assert made.returncode == 0
    path = tmp_path / "tokenward.yaml"
    text = path.read_text()
    ports = dict(zip(("8080", "8000", "8081"), _free_ports(3), strict=True))
    for old, new in ports.items():
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
    path.write_text(text)
    return tmp_path, ports


@pytest.fixture
def up(house):
    directory, ports = house
    process = _tokenward("up", cwd=directory)
    url = f"http://127.0.0.1:{ports['8000']}/.well-known/tokenward/health"

    def answers():
        try:
            return httpx.get(url, trust_env=False, timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    assert any(line.startswith("admin") for line in process.stdout), "it says so when all is up"
    assert answers()
    yield process, ports, answers
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    process.stdout.close()


def test_a_server_that_dies_is_started_again(up):
    process, _ports, answers = up
    gateway = next(child for child in _children(process.pid) if "processes gateway" in _role(child))
    os.kill(gateway, signal.SIGKILL)
    assert _wait(lambda: gateway not in _children(process.pid))
    assert _wait(answers)


def test_no_process_outlives_a_supervisor_that_was_killed(up):
    process, _ports, _answers = up
    children = _children(process.pid)
    assert len(children) == 2
    process.kill()
    process.wait(10)
    assert _wait(lambda: _gone(children))


def test_ctrl_c_ends_everything_with_success(up):
    process, _ports, _answers = up
    children = _children(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert _gone(children)


def test_a_taken_port_is_one_clear_error(house):
    directory, ports = house
    with socket.create_server(("127.0.0.1", ports["8000"])):
        process = _tokenward("up", cwd=directory)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"cannot listen on 127.0.0.1:{ports['8000']}" in output
    assert "Traceback" not in output


def test_another_master_key_is_one_clear_error(up, house):
    process, _ports, _answers = up
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    directory, _ = house
    (directory / "data" / "master.key").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    process = _tokenward("clients", "list", cwd=directory)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "master key" in output
    assert "Traceback" not in output
