"""One process of those that share a sign-in: `share` by 50 threads, `die-before` or `die-after` a refresh.

Usage: library_worker.py TASK ISSUER VAULT KEY RESOURCE
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from tokenward.client import Server, SignIn, TokenError, Vault

SECONDS, THREADS = 7.0, 50


def killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def shared(source: SignIn) -> dict[str, list[str]]:
    """What 50 threads were given, which count as one process."""
    end = time.monotonic() + SECONDS
    tokens: set[str] = set()
    failed: list[str] = []

    def work() -> None:
        while time.monotonic() < end:
            try:
                token = source.token()
            except TokenError as error:
                failed.append(str(error))
            else:
                tokens.add(token.value.reveal())
                if token.expires_at < time.time():
                    failed.append("a dead token")
            time.sleep(0.05)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return {"tokens": sorted(tokens), "failed": failed[:3]}


def main() -> None:
    task, issuer, directory, key, resource = sys.argv[1:]
    vault = Vault(Path(directory), key=key)
    server = Server(issuer, timeout=20)
    source = SignIn(server, client_id="app", scope="openid notes:read", resource=resource, vault=vault)
    if task == "share":
        print(json.dumps(shared(source)))
        return
    source.reject(source.token())
    if task == "die-before":
        source._driven = killed  # type: ignore[assignment]  # the request is about to leave
    else:
        vault.save = killed  # type: ignore[method-assign]  # the answer is there, and kept nowhere
    source.token()


if __name__ == "__main__":
    main()
