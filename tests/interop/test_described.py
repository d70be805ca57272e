"""The admin API is as its document says: schemathesis asks what it allows, and what it does not."""

import shutil

from interop import installed
from interop.described import held_against_document, running_admin
from interop.test_clients_of_others import there
from tokenward.app.admin import OPERATIONS


def test_the_admin_api_does_what_its_document_says(tmp_path):
    program = there(installed.python())
    with running_admin(tmp_path / "house") as house:
        done = held_against_document(program, house, examples=2)
        shutil.copy(tmp_path / "house" / "log", tmp_path / "servers.log")
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    # All but the document itself, which it has read.
    assert f"{len(OPERATIONS) - 1} selected" in done.stdout
