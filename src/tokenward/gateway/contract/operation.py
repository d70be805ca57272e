"""One operation's contract: what its requests must be like, ready to be held against one."""

from collections.abc import Mapping
from dataclasses import dataclass

from jsonschema_rs import Draft202012Validator

from tokenward.base.problems import LENGTH_REQUIRED, UNAVAILABLE, Refusal
from tokenward.gateway.access import AccessRequest, Body, Violation
from tokenward.gateway.contract import media_types
from tokenward.gateway.contract.forms import FormRule, FormValue
from tokenward.gateway.contract.json_text import Json, JsonTrouble, read_json
from tokenward.gateway.contract.judging import judged
from tokenward.gateway.contract.media_types import MediaType
from tokenward.gateway.contract.multipart import FormTrouble
from tokenward.gateway.contract.parameters import Parameters

MAX_BODY = 1024 * 1024
"""Bytes of a JSON body or a form. Other bodies are not read, and stream."""

_MAX_LOOKS = 1_000_000  # of a validator at values; some tenths of a second at worst
_TELLING_SIZE, _TELLING_LOOKS = 8192, 32  # bytes, and looks at a value, up to which it is told what fails

_CHARSETS = frozenset({"", "utf-8", "us-ascii"})  # JSON is UTF-8 (RFC 8259 §8.1)

_REQUIRED = (Violation("body", "", "required"),)


@dataclass(frozen=True, slots=True)
class MediaRule:
    """What a body of a documented media type must be like.

    Attributes:
        validator: of its schema, for JSON and forms; None where it is not looked into.
        looks: by its levels, how many schemas look at one value of it (`looks.looks`).
        form: how it is read, for a form.
    """

    validator: Draft202012Validator | None = None
    looks: tuple[int, ...] = ()
    form: FormRule | None = None


@dataclass(frozen=True, slots=True)
class BodyRule:
    """What is documented of the body.

    Attributes:
        required: whether there must be one.
        content: documented media type or range → what it must be like.
    """

    required: bool
    content: Mapping[tuple[str, str], MediaRule]


@dataclass(frozen=True, slots=True)
class OperationContract:
    """See `policy.Contract`. Without a `rule`, the operation takes no body."""

    enforced: bool
    parameters: Parameters
    rule: BodyRule | None = None

    def head(self, request: AccessRequest, below: str) -> tuple[Violation, ...]:
        """What is wrong before the body."""
        found = list(self.parameters.check(request, below))
        if any(
            name == b"content-encoding" and value.lower() != b"identity" for name, value in request.headers
        ):
            found.append(Violation("coding", "", "content-encoding"))  # a kilobyte may unfold to a gigabyte
        return tuple(dict.fromkeys(found))

    def reads_body(self, request: AccessRequest) -> bool:
        """Whether there may be a body, or has to be one."""
        if request.body is None:
            if self.enforced:
                raise Refusal(UNAVAILABLE, "this door shows no bodies, and the contract asks for them")
            return False
        return request.body.expected or (self.rule is not None and self.rule.required)

    async def body(self, request: AccessRequest) -> tuple[Violation, ...]:
        """What is wrong with the body."""
        try:
            return await self._body(request)
        except Refusal as refusal:
            if self.enforced or refusal.problem is not LENGTH_REQUIRED:
                raise
            return (Violation("size", "", "length"),)  # who only reports keeps nothing from the API

    async def _body(self, request: AccessRequest) -> tuple[Violation, ...]:
        body, rule = request.body, self.rule
        if body is None:
            return ()
        sent = [value for name, value in request.headers if name == b"content-type"]
        # Some transports announce no body, so that only reading tells that there is none.
        if not body.expected or ((rule is None or not sent) and await body.read(0) is not None):
            return _REQUIRED if rule is not None and rule.required else ()
        if rule is None:
            return (Violation("no_body", "", "undocumented"),)
        try:
            media_type = _only(sent)
        except ValueError as error:
            return (Violation("media_type", "", str(error)),)
        chosen = media_types.chosen(media_type, rule.content)
        if chosen is None:
            return (Violation("media_type", "", "undocumented"),)
        return await self._looked_into(body, media_type, chosen, required=rule.required)

    async def _looked_into(
        self, body: Body, media_type: MediaType, rule: MediaRule, *, required: bool
    ) -> tuple[Violation, ...]:
        if rule.validator is None or not (media_type.is_json or rule.form is not None):
            return ()
        if media_type.charset not in _CHARSETS:
            return (Violation("media_type", "", "charset"),)
        data = await body.read(MAX_BODY)
        if data is None:
            return (Violation("size", "", "bytes"),)
        if not data:
            return _REQUIRED if required else ()
        return self._held_against(rule.validator, rule, data, media_type.boundary)

    def _held_against(
        self, validator: Draft202012Validator, rule: MediaRule, data: bytes, boundary: str
    ) -> tuple[Violation, ...]:
        read: Json | FormValue
        try:
            read = rule.form.read(data, boundary) if rule.form is not None else read_json(data)
        except JsonTrouble as trouble:
            return (Violation(trouble.kind, "", trouble.rule),)
        except FormTrouble as trouble:
            return (Violation(trouble.kind, trouble.name, trouble.rule),)
        each = rule.looks[read.levels]
        if read.values * each > _MAX_LOOKS:
            return (Violation("size", "", "alternatives"),)
        tell = len(data) <= _TELLING_SIZE and each <= _TELLING_LOOKS
        failure = judged(validator, read.value, self.parameters.names, tell=tell)
        if failure is not None and isinstance(read, FormValue) and read.as_text != read.value:
            failure = judged(validator, read.as_text, self.parameters.names, tell=tell)
        return (Violation("body", failure.pointer, failure.rule),) if failure is not None else ()


def _only(sent: list[bytes]) -> MediaType:
    if len(sent) != 1:
        raise ValueError("repeated" if sent else "missing")
    return media_types.parse(sent[0].decode("latin-1"))
