"""What stands around a value: each row has a twin without it, which is reported."""

import pytest

from tokenward.base.severity import Confidence
from tokenward.leaks.detectors.assignments.detector import ASSIGNMENTS
from tokenward.leaks.recording import SILENCE, Notes
from tokenward.leaks.rulebook.templates import fill
from tokenward.leaks.text import Text

NONE = [
    (
        "a.yml",
        "all: \"{{{{ all + [{{'x_password': host_{lowerdigits:12}}}] }}}}\"",
        "all: 1\nx_password: host_{lowerdigits:12}\n",
    ),
    (
        "a.yml",
        'all: >\n  {{{{ all\n  | combine(x_password=host_{lowerdigits:12}) }}}}"',
        "all: {{{{ all }}}}\nx_password: host_{lowerdigits:12}\n",
    ),
    (
        "README.md",
        "https://ci.shop.internal/graph/badge.svg?token={UPPERDIGITS:10}",
        "https://ci.shop.internal/graph?token={UPPERDIGITS:10}",
    ),
    (
        "a.sql",
        "INSERT INTO \"signing_keys\" VALUES('{base64url:43}','ES256');",
        "SET \"signing_keys\" = '{base64url:43}';",
    ),
    ("a.yml", "password: {base64:32}\nencrypted: true\n", "password: {base64:32}\nenabled: true\n"),
    (
        "a.yml",
        "pwd_encrypted: true\nx: 1\npassword: {base64:32}\n",
        "pwd_encrypted: true\nx: 1\ny: 2\nz: 3\npassword: {base64:32}\n",
    ),
    (
        "a.js",
        "apiKey: '{hex:32}',\nindexName: 'shop',\n",
        "apiKey: '{hex:32}',\nappName: 'shop',\n",
    ),
    ("a.js", "apiKey: '{hex:32}',\nindexName: 'shop',\n", "apiKey: '{base62:32}',\nindexName: 'shop',\n"),
]


def sure(path, template):
    return [
        one
        for one in ASSIGNMENTS.find(Text(fill(template, "a"), path), 0, SILENCE)
        if one.confidence >= Confidence.MEDIUM
    ]


@pytest.mark.parametrize(("path", "template", "twin"), NONE)
def test_what_stands_around_a_value_tells_that_it_is_none(path, template, twin):
    assert sure(path, template) == []
    assert len(sure(path, twin)) == 1


def test_what_is_let_go_has_a_reason():
    notes = Notes()
    text = Text(fill("password: {base64:32}\nencrypted: true\n", "a"), "a.yml")
    assert list(ASSIGNMENTS.find(text, 0, notes)) == []
    assert [(note.stage, note.verdict) for note in notes.kept] == [("context", "dropped")]


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("a.py", '"""\n  - password: "Wombat!burrow9"\n"""'),
        ("a.py", '# password = "Wombat!burrow9"'),
        ("a.java", '// password = "Wombat!burrow9";'),
        ("a.java", ' * password = "Wombat!burrow9";'),
        ("a.yml", "#   password: Wombat!burrow9"),
        ("a.ini", ";password=Wombat!burrow9"),
        ("a.sql", "-- password = 'Wombat!burrow9'"),
        ("a.xml", "<!-- <password>Wombat!burrow9</password> -->"),
        ("a.bat", "REM set PASSWORD=Wombat!burrow9"),
    ],
)
def test_a_password_that_somebody_chose_is_low_in_a_remark(path, template):
    assert sure(path, template) == []
    assert sure(path, 'x\npassword = "{base62:24}"'.replace("x", template.splitlines()[0][:1])) != []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "{{'password': 'Wombat!burrow9'}}"),
        ("a.py", 'password: str = "Wombat!burrow9"'),
        ("a.h", '#define PASSWORD "wombat7xq9"'),
        ("a.yml", "- password: Wombat!burrow9"),
        ("a.yml", "x: 1  # as before\npassword: Wombat!burrow9"),
    ],
)
def test_what_is_no_remark(path, text):
    assert len(sure(path, text)) == 1


def test_a_token_in_a_remark_is_reported():
    assert len(sure("a.py", '# token = "{base62:32}"')) == 1
