"""`tokenward protect`: from an OpenAPI document to a configuration that can be reviewed and started.

What is written passes `check` as it is; a document that stands in the way is told about instead.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tokenward.app.api_documents import read_document
from tokenward.app.config import load
from tokenward.app.findings import Finding, errors, unreadable
from tokenward.app.initialise import Initialised, configuration_text, make_secrets
from tokenward.app.locations import Upstream
from tokenward.app.proposals import Proposal, propose
from tokenward.app.values import ApiName
from tokenward.base.documents.source import SourceError
from tokenward.base.files import draft, publish

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_NOT_PLAIN = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})  # in YAML 1.1 or 1.2


@dataclass(frozen=True, slots=True)
class Protected:
    """What came of it.

    Attributes:
        name: of the API.
        proposals: for each operation.
        findings: what `load` says about the proposed configuration.
        secrets: keys and tokens beside it; None if nothing was written, because there are errors.
    """

    name: str
    proposals: tuple[Proposal, ...]
    findings: tuple[Finding, ...]
    secrets: Initialised | None


def protect(document: Path, upstream: str, *, output: Path, name: str = "", force: bool = False) -> Protected:
    """Write a configuration for the API that `document` describes.

    Args:
        document: OpenAPI 3.0 or 3.1, YAML or JSON.
        upstream: where the API listens.
        output: the file to write; keys and tokens are made beside it where they are missing.
        name: of the API; by default from the document's title.
        force: whether `output` may be replaced.

    Raises:
        ValueError: `upstream` or `name` is none.
        FileExistsError: `output` exists, and `force` is not said.
        OSError: something cannot be written.
    """
    _check("--upstream", TypeAdapter(Upstream), upstream)
    _check("--name", TypeAdapter(ApiName), name or "api")
    if output.exists() and not force:
        raise FileExistsError(str(output))
    try:
        source = read_document(document)
    except SourceError as error:
        return Protected(name, (), (unreadable(document, error),), None)
    name = name or api_name(source.data, document)
    proposals = propose(source.data, name)
    place = Path(os.path.relpath(document.resolve(), output.parent.resolve())).as_posix()
    text = configuration_text("\n".join(_apis(name, place, upstream, proposals)) + "\n")
    output.parent.mkdir(parents=True, exist_ok=True)
    with draft(output, text) as path:
        findings = tuple(
            replace(finding, file=output) if finding.file == path else finding
            for finding in load(path).findings
        )
        if errors(findings):
            return Protected(name, proposals, findings, None)
        secrets = make_secrets(output.parent)
        publish(path, output, replace=force)
    return Protected(name, proposals, findings, secrets)


def api_name(document: Mapping[str, Any], path: Path) -> str:
    """A name for the API: from the title of its document, or from the name of the file."""
    info = document.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    for text in (title, path.name.split(".")[0], "api"):
        words = re.findall(r"[a-z0-9]+", text.lower()) if isinstance(text, str) else []
        telling = [word for word in words if word != "api"]
        if name := "-".join(telling or words)[:40].strip("-"):
            return name
    return "api"


def _check(option: str, kind: TypeAdapter[str], value: str) -> None:
    try:
        kind.validate_python(value)
    except ValidationError as error:
        detail = error.errors(include_input=False)[0]
        raise ValueError(f"{option}: {detail['msg']}; {detail.get('ctx', {}).get('remedy', '')}") from None


def _apis(name: str, document: str, upstream: str, proposals: tuple[Proposal, ...]) -> Iterator[str]:
    yield "# The API behind the gateway. What its OpenAPI document does not list is refused."
    yield "# Each tier and scope below is a proposal: read the reason above it, and change what is wrong."
    yield "# Tiers: public (anybody), low (an API key or better), moderate (an OAuth token with the scope)."
    yield "# high asks for a token that is bound to a key besides (DPoP), critical also for a client that"
    yield "# authenticates by a key, and a person who signed in with two factors a moment ago."
    yield "apis:"
    yield f"  {_scalar(name)}:"
    yield f"    openapi: {_scalar(document)}"
    yield f"    upstream: {json.dumps(upstream, ensure_ascii=False)}"
    if proposals:
        yield "    operations:"
    for proposal in proposals:
        yield f"      # {_comment(proposal.label)}: {_comment('; '.join(proposal.reasons))}."
        if proposal.right_tier:
            yield f"      # `{proposal.right_tier}` is right once its callers' tokens are bound to a key."
        yield f"      {_scalar(proposal.key)}: {{{_rule(proposal)}}}"


def _rule(proposal: Proposal) -> str:
    parts = [f"risk: {proposal.risk}"] if proposal.risk else []
    if proposal.scopes:
        parts.append(f"scopes: [{', '.join(_scope(scope) for scope in proposal.scopes)}]")
    return ", ".join(parts)


def _scalar(text: str) -> str:
    """A text as a YAML scalar; a JSON string is one (YAML 1.2 §1.3)."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN:
        return text
    # What cannot be seen is escaped: a reviewer must not read another name than the machine does.
    return "".join(
        character if character.isprintable() else f"\\U{ord(character):08x}"
        for character in json.dumps(text, ensure_ascii=False)
    )


def _scope(scope: str) -> str:
    return scope if re.fullmatch(r"[a-z][a-z0-9._-]*:[a-z]+", scope) else json.dumps(scope)


def _comment(text: str) -> str:
    """Text of the document that cannot end the comment it stands in."""
    return "".join(character if character.isprintable() else "?" for character in text)
