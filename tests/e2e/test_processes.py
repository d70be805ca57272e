"""Processes come back when they die, give way to those of a new configuration, and none is left behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from serving import serving


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


DOCUMENT = """\
openapi: 3.1.0
info: {title: Things, version: "1"}
paths:
  /old: {get: {x-tokenward-risk: public, responses: {"200": {description: Good}}}}
"""


class Things(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def things(house):
    """The directory, with one public operation at the gateway."""
    directory, ports = house
    with serving(Things) as upstream:
        path = directory / "tokenward.yaml"
        (directory / "things.yaml").write_text(DOCUMENT)
        text = path.read_text()
        apis = f"apis:\n  things: {{openapi: things.yaml, upstream: {upstream}}}"
        assert "\napis: {}" in text
        path.write_text(text.replace("apis: {}", apis))
        yield directory, f"http://127.0.0.1:{ports['8000']}/things"


def _said(process, said):
    def read():
        for line in process.stdout:
            said.append(line.strip())

    threading.Thread(target=read, daemon=True).start()


def test_a_new_policy_takes_over_and_no_request_is_lost(things, up):
    directory, url = things
    process, _ports, _answers = up
    said, codes, stop = [], [], threading.Event()
    _said(process, said)
    before = _children(process.pid)

    def calls():
        while not stop.is_set():
            try:
                codes.append(httpx.get(f"{url}/old", trust_env=False, timeout=10).status_code)
            except httpx.HTTPError as error:
                codes.append(repr(error))

    callers = [threading.Thread(target=calls) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        assert _wait(lambda: 200 in codes)
        assert httpx.get(f"{url}/new", trust_env=False).status_code == 404
        new = DOCUMENT + DOCUMENT.splitlines()[-1].replace("/old", "/new") + "\n"
        (directory / "things.yaml").write_text(new)
        assert _wait(lambda: httpx.get(f"{url}/new", trust_env=False).status_code == 200, 40)
        assert _wait(lambda: _gone(before), 40), "those of before end"
        seen = len(codes)
        assert _wait(lambda: len(codes) > seen + 20)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert set(codes) == {200}
    assert _wait(lambda: len(_children(process.pid)) == 2)
    assert "+ things: GET /new, tier public, no scope" in said

    # A policy that is broken changes nothing, even where a process dies and is started again.
    (directory / "things.yaml").write_text("paths: [")
    assert _wait(lambda: any("what runs is kept" in line for line in said))
    gateway = next(child for child in _children(process.pid) if "processes gateway" in _role(child))
    os.kill(gateway, signal.SIGKILL)
    assert _wait(lambda: gateway not in _children(process.pid))
    assert httpx.get(f"{url}/new", trust_env=False, timeout=20).status_code == 200


def test_on_sighup_servers_start_anew(up):
    process, _ports, answers = up
    before = _children(process.pid)
    process.send_signal(signal.SIGHUP)
    assert _wait(lambda: _gone(before), 40)
    assert answers()
    assert _wait(lambda: len(_children(process.pid)) == 2)
