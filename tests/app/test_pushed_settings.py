"""Who has to push authorization requests, and who is excepted, each with a reason."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.check import check
from tokenward.app.config import load

REASON = "reason: its vendor promised it for May"


def said(text):
    return f"clients: {{pushed_requests: {{{text}}}}}\n{GOOD}"


def test_an_exception_is_repeated_as_a_note_with_its_reason(write):  # noqa: F811
    path = write(said(f"required: true, exceptions: [{{client: legacy, {REASON}}}]"))
    (finding,) = [it for it in check(path).findings if it.severity == "note"]
    assert (finding.code, finding.line) == ("not-pushed", 1)
    assert finding.text.endswith("its vendor promised it for May")
    assert not [it for it in check(write(said("required: true"))).findings if it.code == "not-pushed"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("required: true, exceptions: [{client: legacy}]", "missing-key"),
        ("required: true, exceptions: [{client: legacy, reason: so}]", "too-short"),
        (f"exceptions: [{{client: legacy, {REASON}}}]", "pushed-requests"),
        (
            f"required: true, exceptions: [{{client: a, {REASON}}}, {{client: a, {REASON}}}]",
            "pushed-requests",
        ),
    ],
)
def test_what_contradicts_itself_or_has_no_reason_does_not_start(write, text, code):  # noqa: F811
    loaded = load(write(said(text)))
    assert loaded.configuration is None
    assert [(it.severity, it.line) for it in loaded.findings] == [("error", 1)]
    if code != "too-short":
        assert loaded.findings[0].code == code
