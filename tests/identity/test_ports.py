import subprocess
import sys
from pathlib import Path

from tokenward.identity.pages import Pages
from tokenward.issuer.ports import ConsentView

WIRING = """
from tokenward.identity.pages import Pages
from tokenward.identity.people import Person
from tokenward.identity.signin import SignIn
from tokenward.issuer import ports

def wire(pages: Pages, sign_in: SignIn, person: Person) -> tuple[ports.Pages, ports.SignIn, ports.SignedIn]:
    return pages, sign_in, person
"""


def test_the_room_fits_the_issuers_ports_under_mypy_strict(tmp_path):
    root = Path(__file__).parents[2]
    (tmp_path / "wiring.py").write_text(WIRING)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += ["--cache-dir", tmp_path / "cache", tmp_path / "wiring.py"]
    done = subprocess.run(command, check=False, cwd=root / "src", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_issuers_view_renders():
    view = ConsentView(
        "App", "app.example", "alice", "Accounts", {"a:read": "Read"}, {"a:read": 7.5}, "/decide", "sealed"
    )
    assert b'action="/decide"' in Pages("Name").consent(view)
