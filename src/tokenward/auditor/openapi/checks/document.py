"""What is wrong with the file itself, so that two programs read it differently."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check, Place
from tokenward.auditor.openapi.nodes import File
from tokenward.base.severity import Severity

DUPLICATE_KEY = Check(
    "openapi.duplicate-key",
    "A key is there twice",
    Severity.MEDIUM,
    why="Some programs take the first, some the last, some refuse: what was reviewed is not what is "
    "enforced.",
    attack="A change adds a second `security: []` far from the first, and only the gateway sees that one.",
    fix="Keep one of them.",
    references=("YAML 1.2 §3.2.1.3", "RFC 8259 §4", "OWASP API8:2023"),
    recommendation="as-code",
)
AMBIGUOUS = Check(
    "openapi.file-ambiguous",
    "Programs read the file differently",
    Severity.LOW,
    why="It uses what JSON cannot say, such as tags, merge keys or a second document: parsers differ there.",
    attack="What a reviewer's tool shows is not what the gateway reads.",
    fix="Write it out in plain YAML 1.2 or JSON.",
    references=("YAML 1.2 §10", "OpenAPI 3.1 §4.3"),
    recommendation="as-code",
)


def remarks(file: File) -> Iterator[tuple[Check, Place, str]]:
    """What the reader passed over."""
    for each in file.source.remarks:
        check = DUPLICATE_KEY if each.code == "duplicate-key" else AMBIGUOUS
        told = f"{each.text[:1].upper()}{each.text[1:]}: {each.remedy}."
        yield check, Place(file.name, "", each.line, each.column), told
