"""Opening `tokenward.yaml`: one walk from the file to a policy, which gathers every problem on its way.

Nothing starts from a configuration with an error in it, and nothing here needs a secret or the network.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from tokenward.app.api_documents import read_api
from tokenward.app.api_settings import ApiSettings
from tokenward.app.certificate_files import client_authorities
from tokenward.app.consistency import inconsistencies
from tokenward.app.findings import Finding, Remark, errors, in_order, placed, unreadable
from tokenward.app.jwk_files import read_encryption_key, remark
from tokenward.app.people_consistency import unknown_group_scopes
from tokenward.app.people_files import unusable_files
from tokenward.app.reach import out_of_reach
from tokenward.app.schema_errors import schema_errors
from tokenward.app.settings import Settings, schema
from tokenward.app.snapshot import Snapshot
from tokenward.app.stranger_consistency import unknown_stranger_scopes
from tokenward.app.yaml_source import read
from tokenward.base.documents.source import Source, SourceError
from tokenward.gateway.inside import Protection
from tokenward.gateway.policy import Api, Policy, PolicyProblem, conflicts
from tokenward.issuer.settings import Resource
from tokenward.tokens.certificates import Authorities

__all__ = ["Configuration", "Finding", "Loaded", "Settings", "load", "schema"]


_ORIGIN = re.compile(r"https?://[^/?#]*")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration without errors.

    Attributes:
        path: the file.
        base_dir: its directory, absolute: relative paths in it start here.
        settings: what it says.
        policy: what the gateway lets pass.
        in_process: API → what it lets pass itself, for those that have a URL of their own.
        resources: audience → what the issuer may issue tokens for.
        protections: audience → how its inside JWTs are signed and encrypted.
        files: what was read, in this one reading.
        client_authorities: the CAs whose certificates authenticate clients at the issuer; None without any.
    """

    path: Path
    base_dir: Path
    settings: Settings
    policy: Policy
    in_process: Mapping[str, Policy]
    resources: Mapping[str, Resource]
    protections: Mapping[str, Protection]
    files: Snapshot = field(repr=False)
    client_authorities: Authorities | None = None

    def at(self, url: str) -> "tuple[Configuration, str, str]":
        """Who decides on a request to that URL, or to that path at the gateway.

        Returns:
            the configuration with the policy of that place, its origin, and what of the URL is below it.
        """
        for name, policy in self.in_process.items():
            place = self.settings.origin(name) + self.settings.mount(name)
            if url.startswith((f"{place}/", f"{place}?")) or url == place:
                origin = self.settings.origin(name)
                return replace(self, policy=policy), origin, url.removeprefix(origin)
        return self, self.settings.gateway.url, _ORIGIN.sub("", url)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of opening a file.

    Attributes:
        configuration: None if there is any error among the findings.
        source: the file, unless it cannot be read as YAML.
        settings: what it says, if it says it in the right form.
        findings: errors first, then by place.
    """

    configuration: Configuration | None
    findings: tuple[Finding, ...]
    source: Source | None = None
    settings: Settings | None = None


def load(path: Path, files: Snapshot | None = None) -> Loaded:
    """Open the configuration at `path` and the documents it names; never raises for what they hold.

    `files` holds what was read already, by another process that hands it on; by default nothing was.
    """
    files = files if files is not None else Snapshot()
    base_dir = path.resolve().parent
    try:
        source = read(path, files)
    except SourceError as error:
        return Loaded(None, (unreadable(path, error),))
    try:
        settings = Settings.model_validate(source.data)
    except ValidationError as error:
        return Loaded(None, in_order(placed(source, it) for it in schema_errors(error, schema())), source)
    findings = [placed(source, it) for it in inconsistencies(settings)]
    documents = [read_api(settings, name, base_dir, files) for name in settings.apis]
    for document in documents:
        findings += document.findings
        findings += _policy(source, document.problems)
    protections: dict[str, Protection] = {}
    for name in settings.apis:
        try:
            protections[settings.audience(name)] = _protection(settings.apis[name], base_dir)
        except ValueError as error:
            findings.append(placed(source, remark(name, error)))
    authorities: dict[str, Authorities | None] = {}
    for name, server in (("issuer", settings.issuer), ("gateway", settings.gateway)):
        try:
            authorities[name] = client_authorities(server, base_dir, files)
        except ValueError as error:
            keys = (name, "client_certificates", "ca")
            remedy = "name a PEM file with the certificates of the CAs that issue to clients"
            findings.append(placed(source, Remark(keys, "error", "client-ca", str(error), remedy)))
    findings += [placed(source, it) for it in unusable_files(settings.people, base_dir, files)]
    resources = {document.resource.audience: document.resource for document in documents}
    findings += [placed(source, it) for it in _exchanged_scopes(settings, resources)]
    findings += [placed(source, it) for it in unknown_group_scopes(settings, resources)]
    findings += [placed(source, it) for it in unknown_stranger_scopes(settings, resources)]
    apis = [document.api for document in documents]
    findings += [placed(source, it) for it in out_of_reach(settings, apis)]
    shown, themselves = _apart(settings, apis)
    if not errors(findings):
        findings += _policy(
            source, [*conflicts(shown), *(it for api in themselves for it in conflicts([api]))]
        )
    if errors(findings):
        return Loaded(None, in_order(findings), source, settings)
    configuration = Configuration(
        path,
        base_dir,
        settings,
        Policy(shown),
        {api.name: Policy([api]) for api in themselves},
        resources,
        protections,
        files,
        authorities["issuer"],
    )
    return Loaded(configuration, in_order(findings), source, settings)


def _apart(settings: Settings, apis: Iterable[Api]) -> tuple[list[Api], list[Api]]:
    """Those that the gateway shows, and those that protect themselves."""
    shown: list[Api] = []
    themselves: list[Api] = []
    for api in apis:
        (shown if settings.apis[api.name].url is None else themselves).append(api)
    return shown, themselves


def _protection(api: ApiSettings, base_dir: Path) -> Protection:
    recipient = None if api.encryption_key is None else read_encryption_key(base_dir / api.encryption_key)
    return Protection(api.signing_alg, recipient)


def _exchanged_scopes(settings: Settings, resources: Mapping[str, Resource]) -> Iterator[Remark]:
    for number, rule in enumerate(settings.exchange):
        if rule.target_api not in settings.apis:
            continue
        known = resources[settings.audience(rule.target_api)].scopes
        for scope in rule.scopes:
            if scope not in known:
                yield Remark(
                    ("exchange", number, "scopes"),
                    "error",
                    "exchange",
                    f"{rule.target_api} has no scope {scope}",
                    "name scopes that its operations ask for",
                )


def _policy(source: Source, problems: Iterable[PolicyProblem]) -> list[Finding]:
    """Problems whose locations begin with an API's name, as findings in the configuration."""
    remarks = (Remark(("apis", *it.location), "error", "policy", it.text, it.remedy) for it in problems)
    return [placed(source, remark) for remark in remarks]
