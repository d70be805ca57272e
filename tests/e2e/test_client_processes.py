"""Processes that share one sign-in at our own issuer, and one that is killed in the middle of a refresh."""

import signal
import subprocess
import sys

import pytest

from e2e.test_client import Person
from tokenward.client import Server, SignIn

WORKER = """
import os, signal, sys, threading
from pathlib import Path
from tokenward.client import Server, SignIn, Vault

task, issuer, directory, key, resource = sys.argv[1:]
vault = Vault(Path(directory), key=key)
source = SignIn(Server(issuer, timeout=20), client_id="demo-app",
    scope=["openid", "offline_access", "accounts:read"], resource=resource, dpop=True, vault=vault)
first = source.token()
if task == "die":
    vault.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    source.reject(first)
    source.token()
print("ready", flush=True)
sys.stdin.readline()
source.reject(first)
shown, failed = set(), []

def work():
    try:
        shown.add(source.token().value.reveal())
    except Exception as error:
        failed.append(repr(error))

threads = [threading.Thread(target=work) for _ in range(50)]
for each in threads: each.start()
for each in threads: each.join()
print(*failed[:3], *shown)
"""


@pytest.fixture
def app(demo, http, vault):
    """Makes one process's view of a sign-in, which is there."""

    def make():
        return SignIn(
            Server(demo.urls["issuer"]),
            client_id="demo-app",
            scope=["openid", "offline_access", "accounts:read"],
            resource=f"{demo.urls['gateway']}/bank",
            dpop=True,
            vault=vault,
        )

    make().sign_in(open_browser=Person(demo, http))
    return make


@pytest.fixture
def spawn(demo, vault):
    def start(task):
        command = [sys.executable, "-c", WORKER, task, demo.urls["issuer"], str(vault.directory)]
        command += [vault._reference, f"{demo.urls['gateway']}/bank"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    return start


def test_four_processes_of_fifty_threads_refresh_once_together(app, spawn):
    before = app().token().value.reveal()
    workers = [spawn("share") for _ in range(4)]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 4
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    shown = {worker.communicate(timeout=60)[0].strip() for worker in workers}
    assert shown == {app().token().value.reveal()}
    assert before not in shown


def test_a_process_killed_with_the_answer_in_hand_signs_nobody_out(app, spawn):
    before = app().token()
    with spawn("die") as worker:
        assert worker.wait(60) == -signal.SIGKILL
    after = app()
    after.reject(after.token())
    assert after.token().value.reveal() != before.value.reveal()
