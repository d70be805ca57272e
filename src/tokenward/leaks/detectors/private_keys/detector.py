"""Finds private keys, says what they are, and leaves out what only looks like one."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detector import Detector
from tokenward.leaks.detectors.assignments.languages import only_tried
from tokenward.leaks.detectors.facts import shown
from tokenward.leaks.findings import Candidate
from tokenward.leaks.recording import Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text

if TYPE_CHECKING:
    from tokenward.leaks.detectors.private_keys.armor import Armored
    from tokenward.leaks.detectors.private_keys.key import Key

_ROTATE: Final = "https://csrc.nist.gov/pubs/sp/800/57/pt1/r5/final"
_PRIVATE: Final = Rule(
    id="private-key",
    provider="Cryptography",
    what="private key",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    rotate=_ROTATE,
)
_JWK: Final = Rule(
    id="private-json-web-key",
    provider="Cryptography",
    what="private JSON Web Key",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    rotate=_ROTATE,
)
_SERVICE_ACCOUNT: Final = Rule(
    id="gcp-service-account-key",
    provider="Google Cloud",
    what="service account key",
    pattern="",
    severity=Severity.CRITICAL,
    confidence=Confidence.HIGH,
    rotate="https://cloud.google.com/iam/docs/keys-create-delete",
)

# A body of at least this many characters that nothing can parse: damaged or mangled on purpose, and still no
# placeholder.
_SHORTEST_DAMAGED: Final = 60
_FEWEST_CHARACTERS: Final = 24  # of 64; a random text of that length has about 39
_AROUND_ACCOUNT: Final = 1500


def find(text: Text, start: int, recorder: Recorder) -> Iterator[Candidate]:
    """Keys in PEM, OpenPGP's armour, PuTTY's files and JWK, however they are quoted."""
    tried = only_tried(text)
    for candidate in _find(text, start, recorder):
        if tried and (candidate.severity is None or candidate.severity > Severity.MEDIUM):
            # Most were made for the test; which was copied from a server, only its public half can tell.
            yield replace(candidate, severity=Severity.MEDIUM)
        else:
            yield candidate


def _find(text: Text, start: int, recorder: Recorder) -> Iterator[Candidate]:
    # Imported here: a commit waits for them, and hardly any has a key in it.
    from tokenward.leaks.detectors.private_keys import armor, jwk, pem, pgp, putty  # noqa: PLC0415

    data = text.data
    for block in armor.blocks(data, start):
        key = pgp.read(block) if block.label == b"PGP PRIVATE KEY BLOCK" else pem.read(block)
        if key is not None:
            rule, facts = _owner(data, block.start)
            yield _candidate(rule, (block.start, block.end), block.body, key, facts)
        elif _damaged(block):
            facts = {"key": block.label.decode().lower(), "state": "damaged: could not be parsed"}
            confidence = Confidence.MEDIUM if block.closed else Confidence.LOW
            yield Candidate(_PRIVATE.id, block.start, block.end, block.body, confidence, facts)
        else:
            recorder.note("capture", _PRIVATE.id, block.start, "dropped", "between its lines there is no key")
    for begin, end, secret, key in putty.keys(data, start):
        yield _candidate(_PRIVATE, (begin, end), secret, key, {})
    for begin, end, secret, key, weakness in jwk.keys(data, start):
        yield _candidate(_JWK, (begin, end), secret, key, {"weakness": weakness} if weakness else {})


def _candidate(
    rule: Rule, span: tuple[int, int], secret: bytes, key: "Key", facts: dict[str, str]
) -> Candidate:
    from tokenward.leaks.detectors.private_keys.published import PUBLISHED  # noqa: PLC0415 - as above

    facts = {"key": key.kind, "encrypted": "yes" if key.encrypted else "no", **facts}
    severity = rule.severity
    if key.encrypted:
        severity = Severity.MEDIUM
    if key.fingerprint:
        facts["public_key"] = key.fingerprint
    if key.fingerprint in PUBLISHED:
        facts["published"] = PUBLISHED[key.fingerprint]
        severity = Severity.LOW
    if "weakness" in facts:
        severity = Severity.LOW
    return Candidate(rule.id, *span, secret, Confidence.HIGH, facts, severity)


def _owner(data: bytes, at: int) -> tuple[Rule, dict[str, str]]:
    """Whose key it is, where the file says so: Google's service account files do."""
    around = data[max(0, at - _AROUND_ACCOUNT) : at + 2 * _AROUND_ACCOUNT + 1500]
    if b"service_account" not in around or b"private_key" not in around:
        return _PRIVATE, {}
    facts = {}
    for member in ("project_id", "client_email"):
        name, _, rest = around.partition(member.encode())
        if name != around and (value := rest[:200].lstrip(b"\\\"' :=").split(b'"', 1)[0].rstrip(b"\\'")):
            facts[member] = shown(value.decode("utf-8", "replace"))
    return _SERVICE_ACCOUNT, facts


def _damaged(block: "Armored") -> bool:
    body = block.body.rstrip(b"=")
    return len(body) >= _SHORTEST_DAMAGED and len(set(body)) >= _FEWEST_CHARACTERS


PRIVATE_KEYS: Final = Detector(
    rules=(_PRIVATE, _JWK, _SERVICE_ACCOUNT),
    triggers=(
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY",
        r"PuTTY-User-Key-File-[123]: ",
        r"\bkty\\{0,3}[\"']?\s*[:=]>?\s*\\{0,3}[\"']?(?:RSA|EC|OKP|oct)",
    ),
    find=find,
    reach=8192,
)
