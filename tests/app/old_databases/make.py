"""Fills a database with the program of some commit, and writes it down as `REVISION.sql` and `.json`.

    git archive COMMIT | tar -x -C CHECKOUT
    PYTHONPATH=CHECKOUT/src:CHECKOUT/tests python make.py

To be run when a schema is about to change that people may have. The secrets are of nobody: they stand in the
`.json`, so that a test can tell that what they opened still opens.
"""

import asyncio
import json
import re
import sqlite3
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from store.values import access, code_of, grant, refresh
from tokenward.app.cli import application
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.tokens import opaque

HERE = Path(__file__).parent
PASSWORD = "correct horse battery staple"
DOCUMENT = """\
openapi: 3.1.0
info: {title: Notes, version: "1"}
paths:
  /notes: {get: {operationId: listNotes, responses: {200: {description: ok}}}}
"""
API = """
apis:
  notes:
    openapi: notes.yaml
    upstream: http://127.0.0.1:9003
    risk: low
    operations: {listNotes: {scopes: [notes:read]}}
"""
THEN, ALWAYS = 1_790_000_000.0, 4_000_000_000.0


def run(directory: Path, *words: str, stdin: str | None = None) -> str:
    """One command of that program."""
    if words[0] != "init":
        words = (*words, "--config", str(directory / "tokenward.yaml"))
    result = CliRunner().invoke(application, words, input=stdin)
    if result.exit_code:
        raise SystemExit(result.output)
    return result.output


async def fill(directory: Path) -> dict[str, str]:
    """What no command makes: keys, a grant with its tokens, tokens of a client's own."""
    known = {}
    async with foundation(load(directory / "tokenward.yaml").configuration) as ground:
        for purpose in ("outside", "inside"):
            keys = getattr(ground, "key_ring", None)
            await (keys(purpose, fresh=lambda: True) if keys else ground.signing_keys(purpose))
        store, person = ground.store, await ground.store.user_by_name("alice")

        def made(kind: str, name: str) -> dict[str, object]:
            token = opaque.new(kind)
            known[name] = token.secret.reveal()
            keyed_hash = opaque.keyed_hash(ground.peppers[0], known[name])
            return {
                "token_id": token.token_id,
                "keyed_hash": keyed_hash,
                "issued_at": THEN + 1,
                "expires_at": ALWAYS,
            }

        notes = {"audience": "http://127.0.0.1:8000/notes", "scope": ("notes:read",)}
        its = grant(
            client_id="desk", user_id=person.user_id, created_at=THEN, auth_time=THEN, expires_at=ALWAYS,
            **{**notes, "scope": ("notes:read", "offline_access")},
        )  # fmt: skip
        code = code_of(its, expires_at=THEN + 60)
        await store.add_grant(its, code)
        first = access(its, **made("at", "access_token"), **notes)
        await store.redeem_code(
            code.token_id, first, refresh(its, **made("rt", "refresh_token")), at=THEN + 1
        )
        for name in ("own_token", "revoked_token"):
            token = access(client_id="nightly", **made("at", name), **notes)
            await store.add_access_token(token)
        await store.revoke_token(token.token_id, THEN + 3)
    return known


def main() -> None:
    """Fill, and write down."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "tokenward.yaml"
        run(directory, "init", str(directory))
        path.write_text(path.read_text().replace("\napis: {}\n", API))
        (directory / "notes.yaml").write_text(DOCUMENT)
        add = ("clients", "add")
        told = run(
            directory, *add, "Nightly", "--id", "nightly", "--type", "service", "--scope", "notes:read"
        )
        scopes = ("--scope", "notes:read", "--scope", "openid", "--scope", "offline_access")
        where = ("--redirect-uri", "http://127.0.0.1/cb")
        run(directory, *add, "Desk", "--id", "desk", "--type", "native", *scopes, *where)
        run(directory, "users", "add", "alice", stdin=PASSWORD + "\n")
        known = asyncio.run(fill(directory))
        known["client_secret"] = re.search(r"tkw_cs_\w+", told)[0]
        known["master_key"] = (directory / "data" / "master.key").read_text().strip()
        database = sqlite3.connect(directory / "data" / "tokenward.db")
        (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        (HERE / f"{revision}.sql").write_text("\n".join(database.iterdump()) + "\n")
        (HERE / f"{revision}.json").write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
