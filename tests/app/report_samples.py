"""Results of scans for the tests of reports: an ordinary one, and one in which every text is hostile."""

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.findings import Commit, Place, Trouble
from tokenward.leaks.result import Acceptance, Finding, ScanResult
from tokenward.leaks.rule import Rule

AT = 1_795_000_000.0

GITHUB = Rule(
    "github-personal-access-token",
    "GitHub",
    "GitHub personal access token (classic)",
    "(ghp_[0-9A-Za-z]{36})",
    Severity.CRITICAL,
    Confidence.HIGH,
    "https://github.com/settings/tokens",
)
OURS = Rule(
    "tokenward-access-token", "Tokenward", "Tokenward access token", "", Severity.HIGH, Confidence.HIGH, ""
)
JWT = Rule("jwt", "", "JSON Web Token", "", Severity.MEDIUM, Confidence.MEDIUM, "")
PASSWORD = Rule("password", "", "password", "", Severity.MEDIUM, Confidence.LOW, "", guessable=True)

ANN = "Ann Example <ann@example.com>"


def result(*findings: Finding, **facts: object) -> ScanResult:
    ordinary: dict[str, object] = {
        "source": "git history of /srv/app (3 refs)",
        "findings": findings,
        "accepted": (),
        "troubles": (),
        "files": 1204,
        "size": 31_400_000,
        "seconds": 0.52,
    }
    return ScanResult(**{**ordinary, **facts})


def finding(rule: Rule = GITHUB, *places: Place, **facts: object) -> Finding:
    ordinary: dict[str, object] = {
        "rule": rule,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "masked": "ghp_… (40 characters)",
        "fingerprint": "sha256:" + "ab" * 32,
        "places": places or (Place("src/settings.py", 12, 9),),
    }
    return Finding(**{**ordinary, **facts})


ORDINARY = result(
    finding(
        GITHUB,
        *(
            Place(
                f"config/{name}.py",
                12,
                9,
                (),
                Commit("3f2a91cd" * 5, ANN, "2026-01-03T10:11:12+01:00", in_head=live),
            )
            for name, live in (
                ("settings", True),
                ("old", False),
                ("a", True),
                ("b", True),
                ("c", True),
                ("d", True),
            )
        ),
    ),
    finding(
        OURS, Place("deploy/release.tar.gz!etc/app.env", 3, 14), masked="tkw_at_0QwErTy1234… (68 characters)"
    ),
    finding(
        JWT,
        Place("src/a b.js", 1, 401, ("base64", "gzip")),
        facts={"issuer": "https://login.example.com", "expires": "2027-01-01"},
        fingerprint="hmac:" + "cd" * 32,
        masked="eyJh… (612 characters)",
        why="It has no end of life, which raises the severity.",
        severity=Severity.HIGH,
    ),
    finding(
        PASSWORD, Place("db.bin", 0, 0), fingerprint="hmac:" + "ef" * 32, masked="… (8 to 15 characters)"
    ),
    accepted=(
        finding(
            GITHUB,
            Place("tests/fixture.py", 4, 3),
            fingerprint="sha256:" + "12" * 32,
            acceptance=Acceptance("comment", "made up for the tests"),
        ),
        finding(
            JWT,
            Place("docs/example.md", 9, 1),
            fingerprint="sha256:" + "34" * 32,
            acceptance=Acceptance("baseline", "revoked in March", "ann", "2027-03-01"),
        ),
    ),
    troubles=(
        Trouble(".tokenwardignore", "left out on its word", skipped=True),
        *(Trouble(f"broken{n}.gz", "damaged gzip data") for n in range(5)),
    ),
)

EVIL = (
    "\x1b[31mred\x9b0m\u202egnp.exe\u2066\u200b[bold]markup[/bold][link=http://x]"
    "\n## <script>alert(1)</script>|`x`![a](b)\udcff\U000e0041"
)
"""What an attacker would name a file, or himself."""

HOSTILE = result(
    finding(
        GITHUB,
        Place(EVIL, 3, 1, (EVIL,), Commit("f" * 40, EVIL, EVIL, in_head=False)),
        masked=EVIL,
        facts={EVIL: EVIL},
        why=EVIL,
    ),
    source=EVIL,
    accepted=(finding(GITHUB, Place(EVIL, 3, 1), acceptance=Acceptance("comment", EVIL, EVIL)),),
    troubles=(Trouble(EVIL, EVIL),),
)
