"""Writes the pages of `docs/reference/` that follow from the code: `python scripts/generate_reference.py`.

Running it twice changes nothing. `tests/docs/test_generated.py` fails when a page and the code disagree.
Two pages are written by hand around generated tables, which stand between `generated` marks.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from tokenward.app.admin import OPERATIONS
from tokenward.app.admin_document import document
from tokenward.app.cli import application
from tokenward.app.live_checks import name_of
from tokenward.app.protocol_document import document as protocol_document
from tokenward.app.registration_document import document as registration_document
from tokenward.app.settings import Settings
from tokenward.base.problems import CATALOGUE
from tokenward.base.recommendations import RECOMMENDATIONS
from tokenward.gateway.headers import DROPPED
from tokenward.gateway.tiers import TIERS, Tier
from tokenward.leaks.response.notices import TO_DO
from tokenward.leaks.response.recognising import KINDS as LEAKED_KINDS
from tokenward.leaks.rule import Expected, Rule
from tokenward.leaks.rulebook.checksums import CHECKSUMS
from tokenward.leaks.rulebook.loading import load
from tokenward.leaks.rulebook.templates import ALPHABETS
from tokenward.store.records import Credential
from tokenward.tokens import opaque
from tokenward.tokens.claims import forbidden
from tokenward.tokens.errors import CODES
from tokenward.tokens.kinds import KINDS, Kind
from tokenward.tokens.profiles import PROFILES
from tokenward.tokens.release import MINIMUM, PERSONAL
from tokenward.tokens.workloads import PLATFORMS

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
ADMIN_DOCUMENT = REFERENCE / "admin.openapi.json"
REGISTRATION_DOCUMENT = REFERENCE / "registration.openapi.json"
PROTOCOL_DOCUMENT = REFERENCE / "oauth.openapi.json"

# What of each recommendation the software does today, and what it does not do yet.
TODAY: dict[str, tuple[str, str]] = {
    "trust-no-one": (
        "deny by default; spoofed headers and reused tokens caught; tokens bound to a key; backends verify",
        "",
    ),
    "everything-is-public": (
        "an OpenAPI document is the allow-list; an operation without a tier does not start",
        "a page that shows undocumented traffic",
    ),
    "access-by-risk": (
        "each operation has a tier, up to `high` and `critical`, which ask for tokens bound to a key",
        "sign-in with two factors, without which nobody passes `critical`",
    ),
    "no-basic": ("Basic is refused, unless an API allows it with a reason and an end; then counted", ""),
    "api-keys": (
        "keys with an owner and an end, for `low` only; rotation, revocation, exchange for a short token",
        "",
    ),
    "oauth": (
        "code with PKCE, refresh with rotation, client credentials, exchange; clients with keys",
        "the device grant",
    ),
    "secrets-leak": (
        "`scan` finds them, `leaks report` has them revoked; `clients rotate-secret` gives a new one",
        "",
    ),
    "no-secret-in-apps": (
        "`spa` and `native` clients cannot have one; pipelines need none; `scan` knows shipped apps",
        "",
    ),
    "no-hardcoding": (
        "the configuration refuses inline secrets; commands take none as an argument",
        "the client SDK",
    ),
    "like-passwords": (
        "keyed hashes at rest, redacted logs, none in a URL, constant-time comparison",
        "",
    ),
    "oauth-is-not-login": (
        "an OpenID provider; ID token, access token and inside JWT are refused in each other's place",
        "a relying party",
    ),
    "mind-the-claims": (
        "opaque outside, a minimal JWT inside; more only by name, to one recipient; no credential in a claim",
        "",
    ),
    "validate-thoroughly": (
        "one strict validator, tried on a table of attacks; `probe`, `audit server` and `library`",
        "",
    ),
    "as-code": (
        "`tokenward check`, `test` and `decide` with exit codes; outbound fetches that cannot be turned",
        "SARIF, sessions for browser apps, posture page, audit trail",
    ),
}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped) + "\n"


def code(text: str) -> str:
    """`text` as code, or nothing."""
    return f"`{text}`" if text else ""


def page(title: str, introduction: str, *sections: str) -> str:
    """A whole generated page."""
    mark = "<!-- Generated by scripts/generate_reference.py from the code: change that, not this page. -->"
    parts = (f"# {title}", mark, introduction, *sections)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def configuration() -> str:
    """`configuration.md`, from the settings models."""
    rows = [
        (code(key), "required" if field.is_required() else _default(field), _sentence(field.description))
        for key, field in _keys(Settings)
    ]
    return page(
        "`tokenward.yaml`",
        """
One file configures everything. `tokenward init` writes a commented one, `tokenward check` finds every problem
in it with file, line and remedy, and `tokenward check --schema` prints its JSON Schema for editors. Unknown
keys are errors. Commands take another file with `--config FILE` or from the environment variable
`TOKENWARD_CONFIG`.
""",
        """
## Keys

`NAME` stands for an API's name, or a scanner's, `OPERATION` for an `operationId` or `METHOD /path`, `[]`
for each of a list.
""",
        table(("key", "default", "meaning"), rows),
        """
## Values

- **Paths** are relative to the file.
- **Secrets** are never written into the file, only where they are kept: `env:NAME` (environment variable),
  `file:PATH` (a file that only its owner can read), `cmd:COMMAND` (standard output of a command, run without
  a shell) or `keyring:SERVICE/NAME` (the operating system's key store).
- **Durations** are a number and a unit: `30s`, `10m`, `12h`, `14d`.
- **URLs** of issuer and gateway are origins: scheme, host and port, without a slash at the end. Plain `http`
  is for loopback addresses.
- **Risk tiers** are `public`, `low`, `moderate`, `high` and `critical`: see [policy](policy.md).
- The **master key** is 32 bytes in base64. Without it the database cannot be used: keep a copy, apart from
  the database's.
""",
    )


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        key = prefix + name
        models = [each for each in _types(field.annotation) if issubclass(each, BaseModel)]
        if not models:
            yield key, field
        elif get_origin(field.annotation) is tuple:
            yield from _keys(models[0], f"{key}[].")
        elif get_origin(field.annotation) is not dict:
            yield from _keys(models[0], f"{key}.")
        else:  # a mapping from names to models
            yield from _keys(models[0], f"{key}.{'OPERATION' if name == 'operations' else 'NAME'}.")


def _types(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _types(argument)


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default" in extra:
        return code(str(extra["default"]))
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, PydanticUndefined) else code(str(value))


def _sentence(text: str | None) -> str:
    return text or ""


def errors() -> str:
    """`errors.md`, from the catalogue and the validator's codes."""
    catalogue = [
        (code(row.code), str(row.status), code(row.oauth), row.text, row.spec) for row in CATALOGUE.values()
    ]
    return page(
        "Errors",
        """
Every refusal is a row of one table. The text is what the public reads; why exactly is for the operator.
""",
        "## Refusals",
        table(("code", "status", "OAuth `error`", "text", "rests on"), catalogue),
        """
How a row is told depends on who asks:

- **Gateway**: `application/problem+json` (RFC 9457) whose `type` is `urn:tokenward:problem:CODE`; with a 401,
  and where a better credential would help, `WWW-Authenticate: Bearer` (RFC 6750 §3).
- **Issuer**: `{"error": …, "error_description": …}` (RFC 6749 §5.2) at the token, introspection and
  revocation endpoints. The authorization endpoint tells the application by redirect, or the person by a page
  where nobody may be redirected.
- **Admin**: problem documents as at the gateway, with the reason as `detail`: who holds the admin token may
  know it.
- **429** and some **503** carry `Retry-After` in seconds.
""",
        "## Why a JWT is refused",
        "`InvalidToken.code` of a JWS, JWT or JWE; `reason` has the meaning. All have one public text, "
        "`the token is not valid`, but for an access token that was given as an ID token: its text says why "
        "that is no sign-in.",
        table(("code", "meaning"), [(code(name), meaning) for name, meaning in CODES.items()]),
    )


def kinds() -> str:
    """`token-kinds.md`, from the tables of kinds and profiles."""
    heads = ("kind", "`typ`", "must have", "checked if there", "must not have", "lives at most")
    return page(
        "Kinds of tokens",
        """
What `JwtValidator(kind=...)` may be asked for, and what each kind of JWT needs. Every claim is checked for
its type and content as well; `iss` and `aud` against the validator's, the times against the clock. Claims
that are not listed are let through. [How to use it](../how-to/validate-tokens-of-any-issuer.md).
""",
        "## Defined by specifications",
        table(heads, map(_kind, KINDS.values())),
        "Only `IdTokenValidator` validates an `id_token`: it asks for the facts of the sign-in.",
        "## Access tokens of issuers that have their own ways",
        table(heads, map(_kind, PROFILES.values())),
        "## What platforms say of their workloads",
        table(heads, (_kind(platform.kind) for platform in PLATFORMS.values())),
        """
## Opaque tokens of ours

`PREFIX_KIND_` and 60 characters: 11 that name the token in logs and to people, 43 random ones, and 6 of a
checksum, by which [the scanner](leak-rules.md) knows them without false alarms. What becomes of one that
[is reported as leaked](../how-to/respond-to-leaks.md), unless a rule says otherwise:
""",
        table(("kind", "what it is", "once it leaked"), map(_opaque, opaque.KINDS)),
    )


def _opaque(kind: str) -> tuple[str, str, str]:
    leaked = LEAKED_KINDS[kind]
    return code(kind), opaque.KINDS[kind], TO_DO[leaked][0]


def _kind(kind: Kind) -> tuple[str, ...]:
    rules = {
        "must": [rule.claim for rule in kind.claims if rule.required],
        "may": [rule.claim for rule in kind.claims if not rule.required and rule.check is not forbidden],
        "not": [rule.claim for rule in kind.claims if rule.check is forbidden],
    }
    types = sorted("none" if typ is None else code(typ.removeprefix("application/")) for typ in kind.typ)
    unit, seconds = next(each for each in _UNITS.items() if kind.max_lifetime % each[1] == 0)
    claims = (", ".join(map(code, names)) for names in rules.values())
    return code(kind.name), ", ".join(types), *claims, f"{kind.max_lifetime // seconds} {unit}"


_UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}


def recommendations() -> str:
    """`recommendations.md`, from the registry."""
    if TODAY.keys() != RECOMMENDATIONS.keys():
        raise ValueError("TODAY and the registry name different recommendations")
    rows = [
        (code(each.id), each.text, today, missing)
        for each in RECOMMENDATIONS.values()
        for today, missing in (TODAY[each.id],)
    ]
    aims = "\n".join(f"- `{each.id}`: {each.behaviour}" for each in RECOMMENDATIONS.values())
    return page(
        "The fourteen recommendations",
        "Each is a behaviour of the software. Not all of it exists yet; this page says what does.",
        table(("id", "recommendation", "today", "not yet"), rows),
        "## What the finished software does\n\nThe aim, as `base/recommendations.py` states it:",
        aims,
    )


def commands() -> str:
    """`cli.md`, from the command line itself."""
    root = typer.main.get_group(application)
    sections = [
        _command(path, command)
        for path, command in _walk((), root)
        if not isinstance(command, TyperGroup) or not path
    ]
    return page(
        "The command line",
        """
Results go to standard output, everything else to standard error. Exit codes: 0 good, 1 findings or refused,
2 could not run. Tokens and passwords are read from standard input (`-`), from a file (`@FILE`) or at a
prompt, never from an argument, which would stay in the shell's history and stand in the process list.
""",
        *sections,
    )


Command = TyperCommand | TyperGroup


def _walk(path: tuple[str, ...], command: Command) -> Iterator[tuple[tuple[str, ...], Command]]:
    yield path, command
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            if isinstance(child, Command):
                yield from _walk((*path, name), child)


def _command(path: tuple[str, ...], command: Command) -> str:
    name = " ".join(("tokenward", *path))
    arguments = [each for each in command.params if isinstance(each, TyperArgument)]
    options = [each for each in command.params if isinstance(each, TyperOption)]
    places = [_placeholder(each) for each in arguments]
    usage = " ".join((name, *places, "[OPTIONS]" if path else "COMMAND"))
    parts = [f"## `{name}`", f"```\n{usage}\n```", _prose(command.help or "")]
    rows = [(code(_placeholder(each)), _help(each)) for each in arguments]
    rows += [(_option(each), _help(each)) for each in options]
    if rows and path:
        parts.append(table(("argument or option", "meaning"), rows))
    return "\n\n".join(parts)


def _prose(text: str) -> str:
    # An example on a line of its own is indented in the help, which is a code block here.
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", text.strip()) if paragraph.strip()]
    marked = [
        f"```\n{paragraph.strip()}\n```"
        if paragraph.lstrip().startswith("tokenward ")
        else re.sub(r"\s*\n\s*", "\n", paragraph)
        for paragraph in paragraphs
    ]
    joined = [marked[0]] if marked else []
    for before, after in pairwise(marked):
        if before.startswith("```") and after.startswith("```"):
            joined[-1] = joined[-1].removesuffix("```") + after.removeprefix("```\n")
        else:
            joined.append(after)
    return "\n\n".join(joined)


def _option(option: TyperOption) -> str:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} {code(_placeholder(option))}"


def _placeholder(parameter: TyperArgument | TyperOption) -> str:
    name = str(parameter.metavar or parameter.name or "").upper()
    optional = isinstance(parameter, TyperArgument) and not parameter.required and not name.startswith("[")
    return f"[{name}]" if optional else name


def _help(parameter: TyperArgument | TyperOption) -> str:
    text = str(getattr(parameter, "help", "") or "")
    default = parameter.default
    if isinstance(default, bool) or callable(default) or default in (None, "", ()) or str(default) == ".":
        default = None
    if isinstance(parameter, TyperOption) and isinstance(parameter.envvar, str):
        text += f" Also from `{parameter.envvar}`."
    if parameter.required and isinstance(parameter, TyperOption):
        text += " Required."
    told = isinstance(default, str | int | Path)
    return text + (f" Default: `{default}`." if told else "")


def tiers() -> str:
    """The table of risk tiers, for `policy.md`."""
    rows = [_tier(each) for each in TIERS.values()]
    return table(("tier", "credential that is good enough", "scope"), rows)


def _tier(tier: Tier) -> tuple[str, str, str]:
    if tier.anonymous:
        enough = "none; a credential that is sent anyway must be good"
    elif tier.max_lifetime is not None:
        enough = f"an access token that was given at most {tier.max_lifetime / 60:.0f} minutes, of no API key"
    else:
        enough = "an API key or an access token"
    if tier.sender_constrained:
        enough += ", bound to a key that the request proves"
    if tier.two_factors_within is not None:
        clients = " or ".join(code(each) for each in get_args(Credential) if each in tier.credentials)
        minutes = tier.two_factors_within // 60
        enough += (
            f", of a client that authenticated by {clients}, for a person who signed in with two factors "
            f"within {minutes} minutes"
        )
    if not tier.delegated:
        enough += " and said yes to that client itself: no exchanged token"
    scope = "none" if tier.anonymous else "required" if tier.needs_scope else "where one is named"
    return code(tier.name), enough, scope


def headers() -> str:
    """The list of request headers that no backend receives, for `policy.md`."""
    return ", ".join(code(name) for name in DROPPED) + "\n"


def minimum() -> str:
    """Who gets which claims in any case, for `policy.md`."""
    names = {
        "inside": "inside JWT",
        "introspection": "introspection response",
        "id_token": "ID token",
        "userinfo": "userinfo",
        "outside": "access token of a client that is configured for JWTs",
    }
    rows = [(names[each], ", ".join(map(code, claims))) for each, claims in MINIMUM.items()]
    return table(("where", "always there"), rows)


def personal() -> str:
    """The names of personal data, for `policy.md`."""
    return ", ".join(map(code, PERSONAL)) + "\n"


def leak_rules() -> str:
    """`leak-rules.md`, from the rule files and the checksums."""
    rules = sorted(load(), key=lambda rule: (rule.provider.lower(), rule.id))
    providers = len({rule.provider for rule in rules})
    rows = [
        (
            code(rule.id),
            rule.what,
            rule.severity.name.lower(),
            rule.confidence.name.lower(),
            CHECKSUMS[rule.checksum].what if rule.checksum else "",
            f"[{rule.provider}]({rule.rotate})",
        )
        for rule in rules
    ]
    return page(
        "Leak rules",
        f"""
`tokenward scan` knows {len(rules)} kinds of credentials of {providers} providers by these rules, besides
those that it parses (private keys, JSON Web Tokens, connection strings, passwords in assignments). Each rule
is proved by its own examples and counterexamples before it is used.
""",
        """
## Rules

Severity says what somebody can do with it: `critical` moves money, changes code or owns an account; `low`
reads little or sends data only. Confidence is that of a match; a second part beside it, such as the id to a
secret, raises it to `high`. Where a format has a checksum, nothing that only looks like it is found.
""",
        table(
            ("rule", "what it finds", "severity", "confidence", "checksum", "exchanged or revoked at"), rows
        ),
        """
## Whether it is live

Nobody is asked unless you name the provider: `tokenward scan --check NAME`
([how to](../how-to/check-whether-a-finding-is-live.md)). An answer that is not listed means nothing. Of the
credentials marked with *production* somebody must say yes.
""",
        table(("name", "credentials", "call", "live if", "not live if", "documented"), _checks(rules)),
        """
## Rules of your own

`tokenward scan --rules FILE` reads more of them from a TOML file. Whatever is unknown, missing, or not as the
rule says of itself, stops the scan before it begins.

```toml
provider = "Acme"
rotate = "https://acme.example/settings/keys"

[[rule]]
id = "acme-api-key"
what = "Acme API key"
pattern = '\\bacme_[0-9a-f]{32}\\b'
severity = "high"
confidence = "high"
examples = ["ACME_KEY=acme_{hex:32}"]
counterexamples = ["ACME_KEY=acme_{hex:31}"]
```

`provider` and `rotate` may stand in the head of the file, for all of its rules.
""",
        table(("field", "meaning"), ((code(name), _RULE_FIELDS[name]) for name in _RULE_FIELDS)),
        """
### How to ask its provider

`[check.NAME]` in the head of the file. `{secret}` stands for the credential, in one place; `{pair}` for the
second part, wherever it belongs.
""",
        table(("field", "meaning"), ((code(name), _CHECK_FIELDS[name]) for name in _CHECK_FIELDS)),
        """
### Names before a value

Where a key has nothing of its own to know it by, its name must stand before it. In a pattern,
`%assign(acme|widgets)(api_?key)%` stands for one of these names, soon after it one of those kinds, an
assignment as it looks in source code, configuration, shells, headers and markup, and quotes; the value
follows. Without the second brackets the kinds are the usual ones: key, token, secret, password. `%end%`
stands for the end of a value that may hold `-`, `/`, `+` or `=`.

### Examples

Examples are templates, so that the file itself holds nothing that looks like a credential: `{hex:32}` stands
for 32 random hex digits, `{base62:20-40}` for 20 to 40 characters. What fills them follows from the rule's id
and is the same each time.
""",
        table(("field", "stands for"), _template_fields()),
    )


_RULE_FIELDS = {
    "id": "unique: lower-case words with hyphens",
    "provider": "who issues it",
    "what": "in words, such as `Acme API key`",
    "pattern": "in the syntax that RE2 and Hyperscan share, over bytes; its group or the whole is the secret",
    "severity": "`info`, `low`, `medium`, `high` or `critical`",
    "confidence": "`low`, `medium` or `high`: of a match that passes all conditions",
    "rotate": "https address of the page on which its owner exchanges or revokes it",
    "keywords": "one of these must stand in the file, in whatever case",
    "entropy": "least Shannon entropy of the secret, in bits a character; about 3 for hex, 4 for base64",
    "checksum": "name of a checksum that must hold",
    "paths": "globs, of which one must fit: of the file's name, or with a slash of the path's end",
    "not_paths": "globs, of which none may fit",
    "pair": (
        "a second part, within so many lines: "
        "`{ what = \"account\", pattern = '...', within = 5, needed = true }`; "
        "it is shown with the finding and so must be no secret"
    ),
    "guessable": "a person may have chosen it",
    "client_secret": "it is an OAuth client's, which has no place in an application that people download",
    "check": "name of the `[check.NAME]` by which its provider is asked whether it is live",
    "production": "with `check`: it opens live business, and somebody must say yes before it is tried",
    "examples": "texts in each of which exactly one secret must be found",
    "counterexamples": "texts in which none may be found",
}


_CHECK_FIELDS = {
    "method": "`GET`; `POST` only where the provider's documentation says that it reads",
    "url": "https, of a host that is written out, without a port; the credential may stand in path and query",
    "headers": "by name; the credential may stand in a value, as in `Bearer {secret}`",
    "basic": "user and password of HTTP Basic, as `{pair}:{secret}`",
    "body": "of a `POST`, in ASCII, without a template",
    "valid": (
        'answers that mean live: a status, or `{ status = 200, at = ["ok"], is = [true] }`, where the names '
        "of `at` lead to a member of the JSON that is one of `is`; without `is` it may be anything but null"
    ),
    "refused": "answers that mean not live; may be missing. Redirects, 429 and 5xx can mean neither",
    "docs": "https address of the provider's page on the call",
}


def _checks(rules: Sequence[Rule]) -> Iterator[Sequence[str]]:
    """A row for each check of each provider."""
    grouped: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        if rule.check is not None:
            grouped.setdefault((name_of(rule.provider), rule.check.url), []).append(rule)
    for (name, url), members in sorted(grouped.items()):
        check = members[0].check
        assert check is not None
        yield (
            code(name),
            ", ".join(code(rule.id) + (" *production*" if rule.production else "") for rule in members),
            code(f"{check.method} {url}"),
            "; ".join(map(_answer, check.valid)),
            "; ".join(map(_answer, check.refused)),
            f"[page]({check.docs})",
        )


def _answer(expected: Expected) -> str:
    if not expected.at:
        return str(expected.status)
    member = code(".".join(expected.at))
    values = [code(str(value).lower() if isinstance(value, bool) else value) for value in expected.values]
    return f"{expected.status}, {member} {' or '.join(values) or 'is there'}"


def _template_fields() -> Iterator[tuple[str, str]]:
    for name, alphabet in ALPHABETS.items():
        yield code(f"{{{name}:32}}"), f"random characters of `{alphabet}`"
    yield code("{uuid}"), "a random UUID"
    yield (
        code("{checksum:NAME ...}"),
        f"a whole token with a checksum, one of {', '.join(map(code, CHECKSUMS))}",
    )
    yield code("{<} {>}"), "nothing: between them stands the secret, if it is not all that the pattern says"
    yield code("{path:.npmrc}"), "nothing: the path of the file"
    yield code("{{ }}"), "braces"


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "errors.md": errors,
    "token-kinds.md": kinds,
    "recommendations.md": recommendations,
    "cli.md": commands,
    "leak-rules.md": leak_rules,
}
BLOCKS: dict[str, dict[str, Callable[[], str]]] = {
    "policy.md": {"tiers": tiers, "headers": headers, "minimum": minimum, "personal": personal}
}


def with_blocks(text: str, blocks: dict[str, Callable[[], str]]) -> str:
    """A page with the text between each pair of marks made anew.

    Raises:
        ValueError: a mark is missing.
    """
    for name, make in blocks.items():
        opening, closing = f"<!-- generated: {name} -->", "<!-- end -->"
        before, mark, rest = text.partition(opening)
        _, end, after = rest.partition(closing)
        if not mark or not end:
            raise ValueError(f"the mark {opening} or its end is missing")
        text = f"{before}{opening}\n\n{make()}\n{closing}{after}"
    return text


def generated() -> dict[Path, str]:
    """Every page as it should be."""
    whole = {REFERENCE / name: make() for name, make in PAGES.items()}
    mixed = {
        REFERENCE / name: with_blocks((REFERENCE / name).read_text(encoding="utf-8"), blocks)
        for name, blocks in BLOCKS.items()
    }
    told = json.dumps(document(OPERATIONS), indent=1, ensure_ascii=False)
    registration = json.dumps(registration_document(), indent=1, ensure_ascii=False)
    protocol = json.dumps(protocol_document(), indent=1, ensure_ascii=False)
    documents = {
        ADMIN_DOCUMENT: told, REGISTRATION_DOCUMENT: registration, PROTOCOL_DOCUMENT: protocol,
    }  # fmt: skip
    return whole | mixed | {path: text + "\n" for path, text in documents.items()}


def write(pages: dict[Path, str]) -> int:
    """Write what changed; the exit code."""
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(REFERENCE.parent.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(write(generated()))
