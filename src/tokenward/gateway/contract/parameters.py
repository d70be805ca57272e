"""The parameters of an operation, held against a request.

A query parameter that is not documented is refused: mass assignment and debug switches get in by what a
backend reads and nobody described. Headers and cookies that are not documented pass: browsers, proxies and
tracing add some to every request, OpenAPI leaves common ones out by rule, and those that speak in our name
are dropped anyway. Documented ones are checked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jsonschema_rs import Draft202012Validator

from tokenward.gateway.access import AccessRequest, Violation
from tokenward.gateway.contract.json_text import JsonTrouble, read_json
from tokenward.gateway.contract.judging import judged
from tokenward.gateway.contract.text_values import Decoder, Form, form_decoded, percent_decoded, plain, scalar


@dataclass(frozen=True, slots=True)
class Parameter:
    """One documented parameter.

    Attributes:
        name: as documented; of a header in lower case.
        place: `path`, `query`, `header` or `cookie`.
        required: whether it must be there.
        validator: of its value.
        form: how its text is read; None where it is JSON (`content`).
        members: of an object whose members are parameters of their own (`form` with `explode`, `deepObject`):
            the name of each in the query → its name in the object, and its types.
        allow_empty: whether an empty text passes.
        allow_reserved: whether it may hold a bare `;`, at which some programs would split.
    """

    name: str
    place: str
    required: bool
    validator: Draft202012Validator
    form: Form | None
    members: Mapping[str, tuple[str, frozenset[str]]] | None = None
    allow_empty: bool = False
    allow_reserved: bool = False

    def violation(self, rule: str) -> Violation:
        """That it breaks a rule."""
        return Violation(self.place, self.name, rule)

    def check(self, texts: list[bytes], decode: Decoder, names: frozenset[str]) -> Violation | None:
        """What is wrong with its texts, of which there is at least one."""
        if self.allow_empty and texts == [b""]:
            return None
        try:
            if self.form is None:
                return self._check_json(texts, decode, names)
            value = self.form.read(texts, decode)
        except ValueError as error:
            return self.violation(str(error))
        found = judged(self.validator, value, names)
        if (
            found is not None
            and not isinstance(value, str)
            and "string" in self.form.types
            and not self.form.is_list
        ):
            # `1` may be the text "1" as well, where the schema admits both.
            found = judged(self.validator, decode(texts[0]), names)
        return self.violation(found.rule) if found is not None else None

    def _check_json(self, texts: list[bytes], decode: Decoder, names: frozenset[str]) -> Violation | None:
        if len(texts) != 1:
            return self.violation("repeated")
        try:
            value = read_json(decode(texts[0]).encode()).value
        except JsonTrouble as trouble:
            return self.violation(trouble.rule)
        found = judged(self.validator, value, names)
        return self.violation(found.rule) if found is not None else None

    def check_members(self, sent: Mapping[str, list[bytes]], names: frozenset[str]) -> Violation | None:
        """The same for an object whose members are parameters of their own."""
        value = {}
        for key, (name, types) in (self.members or {}).items():
            if key in sent:
                if len(sent[key]) > 1:
                    return self.violation("repeated")
                try:
                    value[name] = scalar(form_decoded(sent[key][0]), types)
                except ValueError as error:
                    return self.violation(str(error))
        if not value:
            return self.violation("required") if self.required else None
        found = judged(self.validator, value, names)
        return self.violation(found.rule) if found is not None else None


class InPath(NamedTuple):
    """A path parameter, and the number of its segment below the mount."""

    segment: int
    parameter: Parameter


@dataclass(frozen=True, slots=True)
class Parameters:
    """All of an operation.

    Attributes:
        query: documented ones.
        path: those of the template.
        headers: documented ones that reach the backend.
        cookies: documented ones.
        names: of documented properties, which may be told.
    """

    query: tuple[Parameter, ...] = ()
    path: tuple[InPath, ...] = ()
    headers: tuple[Parameter, ...] = ()
    cookies: tuple[Parameter, ...] = ()
    names: frozenset[str] = frozenset()
    _slots: Mapping[str, Parameter] = field(init=False)

    def __post_init__(self) -> None:
        slots = {key: each for each in self.query for key in (each.members or (each.name,))}
        object.__setattr__(self, "_slots", slots)

    def check(self, request: AccessRequest, below: str) -> Iterator[Violation]:
        """What is wrong, in the order path, query, headers, cookies."""
        if self.path:
            segments = below.split("/")
            for segment, parameter in self.path:
                text = segments[segment + 1].encode()
                if (found := parameter.check([text], percent_decoded, self.names)) is not None:
                    yield found
        if request.query or self.query:
            yield from self._check_query(request.query)
        if self.headers:
            yield from self._check_all(self.headers, _headers(request))
        if self.cookies:
            yield from self._check_all(self.cookies, _cookies(request))

    def _check_query(self, query: bytes) -> Iterator[Violation]:
        sent: dict[str, list[bytes]] = {}
        for part in query.split(b"&"):
            if not part:
                continue
            name, _, text = part.partition(b"=")
            try:
                key = form_decoded(name)
            except ValueError as error:
                yield Violation("query", "", str(error))
                continue
            slot = self._slots.get(key)
            if slot is None:
                yield Violation("query", "", "undocumented")
            elif b";" in part and not slot.allow_reserved:
                yield slot.violation("ambiguous")
            else:
                sent.setdefault(key, []).append(text)
        for parameter in self.query:
            if parameter.members is not None:
                found = parameter.check_members(sent, self.names)
            elif parameter.name in sent:
                found = parameter.check(sent[parameter.name], form_decoded, self.names)
            else:
                found = parameter.violation("required") if parameter.required else None
            if found is not None:
                yield found

    def _check_all(
        self, documented: tuple[Parameter, ...], sent: Mapping[str, list[bytes]]
    ) -> Iterator[Violation]:
        for parameter in documented:
            texts = sent.get(parameter.name)
            if texts is not None:
                found = parameter.check(texts, plain, self.names)
            else:
                found = parameter.violation("required") if parameter.required else None
            if found is not None:
                yield found


def _headers(request: AccessRequest) -> dict[str, list[bytes]]:
    sent: dict[str, list[bytes]] = {}
    for name, value in request.headers:
        sent.setdefault(name.decode("latin-1"), []).append(value.strip(b" \t"))
    return sent


def _cookies(request: AccessRequest) -> dict[str, list[bytes]]:
    """RFC 6265 §4.2.1. A name that is there twice has two values, of which programs pick either."""
    sent: dict[str, list[bytes]] = {}
    for name, value in request.headers:
        if name == b"cookie":
            for pair in value.split(b";"):
                key, _, text = pair.strip(b" \t").partition(b"=")
                sent.setdefault(key.decode("latin-1"), []).append(text)
    return sent
