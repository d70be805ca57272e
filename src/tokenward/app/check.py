"""`tokenward check`: everything wrong with a configuration, told with place and remedy.

Checking runs no command and opens no keyring: a configuration under review may come from a stranger.
"""

import os
import shlex
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from tokenward.app.config import Loaded, load
from tokenward.app.findings import Finding, Remark, in_order, placed
from tokenward.app.foundation import master_key
from tokenward.app.leak_settings import softened
from tokenward.app.people_consistency import people_secrets
from tokenward.app.pushed_consistency import excepted
from tokenward.app.rollout_check import rollout_remarks
from tokenward.app.settings import Settings
from tokenward.app.tier_settings import tuning_remarks
from tokenward.app.trust_check import trust_remarks, trusted_secrets
from tokenward.app.weakening import weakened
from tokenward.base import references
from tokenward.base.documents.source import Keys
from tokenward.base.files import from_here

_COLOURS = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


def check(path: Path) -> Loaded:
    """What `load` finds, and whether the secrets are where the file says; errors first, then by place."""
    loaded = load(path)
    if loaded.source is None or loaded.settings is None:
        return loaded
    base_dir = path.resolve().parent
    remarks = (
        *_secrets(loaded.settings, base_dir),
        *trust_remarks(loaded.settings, base_dir),
        *rollout_remarks(loaded.settings),
        *tuning_remarks(loaded.settings.tiers),
        *softened(loaded.settings.leaks),
        *excepted(loaded.settings),
        *weakened(loaded.settings),
    )
    source = loaded.source
    findings = in_order((*loaded.findings, *(placed(source, remark) for remark in remarks)))
    return replace(loaded, findings=findings)


def rendered(finding: Finding) -> Text:
    """The finding as `file:line:column: severity code: text`, and the remedy indented below it."""
    return Text.assemble(
        (f"{_printable(from_here(finding.file))}:{finding.line}:{finding.column}: ", "bold"),
        (finding.severity, _COLOURS[finding.severity]),
        f" {finding.code}: {_printable(finding.text)}\n    ",
        (_printable(finding.remedy), "dim"),
    )


def summary(findings: tuple[Finding, ...]) -> str:
    """How many there are, in one line."""
    counts = {severity: sum(it.severity == severity for it in findings) for severity in _COLOURS}
    told = [f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in counts.items() if count]
    return ", ".join(told) or "no problems"


def _secrets(settings: Settings, base_dir: Path) -> Iterator[Remark]:
    for keys, value in (
        (("store",), settings.store),
        (("redis",), settings.redis or ""),
        (("master_key",), settings.master_key),
        (("admin", "token"), settings.admin.token),
        (("mail", "password"), (settings.mail.password if settings.mail is not None else None) or ""),
        *(
            ((name, "tls", "key"), server.tls.key)
            for name, server in (("issuer", settings.issuer), ("gateway", settings.gateway))
            if server.tls is not None
        ),
        (("gateway", "decisions", "tls", "key"), _key_of_decisions(settings)),
        (("gateway", "traces", "authorization"), _authorization_of_traces(settings)),
        *trusted_secrets(settings),
        *people_secrets(settings),
        *((("leaks", "webhooks", name, "secret"), it.secret) for name, it in settings.leaks.webhooks.items()),
        (("leaks", "notices", "webhook"), settings.leaks.notices.webhook or ""),
        (("leaks", "notices", "webhook_secret"), settings.leaks.notices.webhook_secret or ""),
    ):
        scheme, _, place = value.partition(":")
        if scheme in _LOOKS:
            remarks = list(_LOOKS[scheme](keys, place, base_dir))
            yield from remarks or _look_inside(keys, value, base_dir)


def _key_of_decisions(settings: Settings) -> str:
    tls = settings.gateway.decisions.tls
    return tls.key if tls is not None else ""


def _authorization_of_traces(settings: Settings) -> str:
    traces = settings.gateway.traces
    return (traces.authorization if traces is not None else None) or ""


def _look_at_file(keys: Keys, place: str, base_dir: Path) -> Iterator[Remark]:
    path = base_dir / place
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        yield _missing(keys, f"there is no file {place}", "create it; `tokenward init` makes keys and tokens")
        return
    if not stat.S_ISREG(mode):
        yield _missing(keys, f"{place} is not a file", "name a file")
    elif os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        yield Remark(
            keys,
            "error",
            "secret-exposed",
            f"other users can read {place}",
            f"chmod 600 {shlex.quote(str(path))}",
        )


def _look_at_environment(keys: Keys, place: str, base_dir: Path) -> Iterator[Remark]:
    try:
        references.resolve(f"env:{place}", base_dir=base_dir)
    except ValueError as error:
        yield _missing(keys, str(error), "set it where Tokenward is started")


def _look_at_command(keys: Keys, place: str, base_dir: Path) -> Iterator[Remark]:
    try:
        program = shlex.split(place)[0]
    except (ValueError, IndexError):
        program = ""
    if not program or not shutil.which(base_dir / program if "/" in program else program):
        yield _missing(keys, "there is no such command here", "install it, or mend its name")


def _look_inside(keys: Keys, value: str, base_dir: Path) -> Iterator[Remark]:
    """Whether a secret that can be read without running anything is one that the servers can use."""
    if value.startswith("cmd:"):
        return
    try:
        references.resolve(value, base_dir=base_dir)
        if keys == ("master_key",):
            master_key(value, base_dir=base_dir)
    except ValueError as error:
        text, _, remedy = str(error).partition("; ")
        yield Remark(keys, "error", "secret-unusable", text, remedy or "put the right one there")


_LOOKS: dict[str, Callable[[Keys, str, Path], Iterator[Remark]]] = {
    "file": _look_at_file,
    "env": _look_at_environment,
    "cmd": _look_at_command,
}


def _missing(keys: Keys, text: str, remedy: str) -> Remark:
    # Where a configuration is checked is seldom where its secrets are.
    return Remark(keys, "warning", "secret-missing", text, remedy)


def _printable(text: str) -> str:
    """Text of a file that a stranger may have written, without what could steer a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)
