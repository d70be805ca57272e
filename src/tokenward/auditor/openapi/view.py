"""An OpenAPI document as the checks see it: the same whether it is 2.0, 3.0, 3.1 or 3.2."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokenward.auditor.openapi.nodes import Node

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
READS = frozenset({"GET", "HEAD", "QUERY"})


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A way to get tokens.

    Attributes:
        name: implicit, password, clientCredentials, authorizationCode, deviceAuthorization.
        urls: of its endpoints, by field.
        scopes: scope → description.
    """

    node: Node
    name: str
    urls: Mapping[str, Node]
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Scheme:
    """A way to show who calls.

    Attributes:
        name: as requirements name it.
        kind: apiKey, http, oauth2, openIdConnect or mutualTLS; anything else as it stands there.
        where: of an API key: query, header or cookie.
        parameter: of an API key: its name.
        http: the HTTP authentication scheme, in lower case.
        flows: of OAuth 2.
    """

    node: Node
    name: str
    kind: str
    where: str = ""
    parameter: str = ""
    http: str = ""
    flows: tuple[Flow, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Requirement:
    """One alternative: all of these schemes together. Empty: nobody is asked.

    Attributes:
        wanted: scheme → scopes.
    """

    node: Node
    wanted: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Media:
    """A body in one media type.

    Attributes:
        media_type: in lower case, without parameters.
        schema: None where there is none.
    """

    node: Node
    media_type: str
    schema: Node | None


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """What a request carries beside its body, or a field of a form in 2.0.

    Attributes:
        where: path, query, querystring, header, cookie or formData.
        schema: the node that restricts it; in 2.0 the parameter itself.
    """

    node: Node
    name: str
    where: str
    schema: Node | None
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What is answered.

    Attributes:
        status: such as "200", "4XX", "default".
        headers: by name in lower case.
    """

    node: Node
    status: str
    headers: Mapping[str, Node]
    media: tuple[Media, ...]

    @property
    def is_error(self) -> bool:
        """It is, or may be, a refusal."""
        return self.status[:1] in {"4", "5"} or self.status == "default"


@dataclass(frozen=True, slots=True, eq=False)
class Server:
    """Where the API is.

    Attributes:
        url: with its variables as they stand there.
        node: what says so.
    """

    node: Node
    url: str


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation.

    Attributes:
        kind: path, or what calls the other way: webhook or callback.
        method: in capitals.
        path: its template; of a webhook its name, of a callback its expression.
        item: the path item.
        security: the alternatives that count: its own, or those of the document; None where neither says any.
        security_node: where they stand.
        body: the request's, by media type.
        body_node: where it stands; None where there is none.
        servers: of its own or of its path item.
    """

    node: Node
    kind: str
    method: str
    path: str
    item: Node
    parameters: tuple[Parameter, ...]
    body: tuple[Media, ...]
    body_node: Node | None
    responses: tuple[Response, ...]
    security: tuple[Requirement, ...] | None
    security_node: Node | None
    servers: tuple[Server, ...] = ()

    @property
    def label(self) -> str:
        """Such as "GET /pets"."""
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        """It changes something."""
        return self.method in WRITES

    @property
    def open_on_purpose(self) -> bool:
        """Somebody wrote beside it that anybody may call."""
        return any(each.fields.get("x-tokenward-risk") == "public" for each in (self.node, self.item))

    @property
    def protected(self) -> bool:
        """There is no way to call it without showing something."""
        return bool(self.security) and all(each.wanted for each in self.security or ())


@dataclass(frozen=True, slots=True, eq=False)
class Api:
    """All of it.

    Attributes:
        version: such as "3.1.0"; "2.0".
        root: the document.
        operations: those of paths first, then webhooks and callbacks.
        schemes: by name.
        servers: of the document.
        security: of the document; None where it says nothing.
    """

    version: str
    root: Node
    operations: tuple[Operation, ...]
    schemes: Mapping[str, Scheme]
    servers: tuple[Server, ...]
    security: tuple[Requirement, ...] | None
    requirements: tuple[Requirement, ...] = field(default=())

    @property
    def calls(self) -> tuple[Operation, ...]:
        """The operations that others call."""
        return tuple(each for each in self.operations if each.kind == "path")
