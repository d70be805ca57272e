"""From a document to the view of it that checks share. What has not the form it must have is passed over."""

from collections.abc import Iterator
from itertools import chain

from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.references import Library
from tokenward.auditor.openapi.view import (
    Api,
    Flow,
    Media,
    Operation,
    Parameter,
    Requirement,
    Response,
    Scheme,
    Server,
)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
"""The operations of a Path Item: OpenAPI 3.1 §4.8.9, and `query` of 3.2."""

_OLD_FLOWS = {"application": "clientCredentials", "accessCode": "authorizationCode"}
_URLS = ("authorizationUrl", "tokenUrl", "refreshUrl", "deviceAuthorizationUrl")
_MOST_CALLBACKS = 3  # levels: a callback may have callbacks


class NotOpenApi(Exception):  # noqa: N818 - says what it is
    """The document is none, or of a version that nobody here knows; the message says so."""


def version_of(root: Node) -> str:
    """Such as "3.1.0" or "2.0".

    Raises:
        NotOpenApi: as it says.
    """
    if type(root.value) is not dict:
        raise NotOpenApi("this is no OpenAPI document: it is no object with `openapi` and `paths`")
    for key in ("openapi", "swagger"):
        if key in root.value:
            version = str(root.value[key])
            if version.startswith(("3.0", "3.1", "3.2")) or (key == "swagger" and version.startswith("2")):
                return version
            raise NotOpenApi(f"OpenAPI {version[:20]!r} is not known here: 2.0, 3.0, 3.1 and 3.2 are")
    if "asyncapi" in root.value:
        raise NotOpenApi("this is an AsyncAPI document, not OpenAPI")
    raise NotOpenApi("this is no OpenAPI document: neither `openapi` nor `swagger` tells a version")


def read_api(library: Library) -> Api:
    """The view.

    Raises:
        NotOpenApi: it is none.
    """
    root = library.root
    version = version_of(root)
    return (_Two if version.startswith("2") else _Three)(library, root, version).api()


class _Reader:
    """What both generations have in common."""

    def __init__(self, library: Library, root: Node, version: str) -> None:
        self.library = library
        self.root = root
        self.version = version
        self.security = self.requirements(root)
        self._parameters: dict[int, Parameter | None] = {}

    def api(self) -> Api:
        operations = tuple(chain(self.of_paths(), self.of_webhooks()))
        return Api(
            version=self.version,
            root=self.root,
            operations=operations,
            schemes={scheme.name: scheme for scheme in self.schemes()},
            servers=tuple(self.servers(self.root)),
            security=self.security,
            requirements=self.security or (),
        )

    def of_paths(self) -> Iterator[Operation]:
        for item in self.root.entries("paths"):
            yield from self.of_item(str(item.key), item, "path")

    def of_webhooks(self) -> Iterator[Operation]:
        for item in self.root.members("webhooks"):
            yield from self.of_item(str(item.key), item, "webhook")

    def of_item(self, path: str, item: Node, kind: str, level: int = 0) -> Iterator[Operation]:
        item = self.library.resolve(item)
        shared = {(each.where, each.name): each for each in self.parameters(item)}
        methods = [(method.upper(), item.child(method)) for method in METHODS]
        # OpenAPI 3.2 §4.9: methods that have no field of their own
        methods += [(str(each.key).upper(), each) for each in item.members("additionalOperations")]
        for method, node in methods:
            if node is None or type(node.value) is not dict:
                continue
            own = {(each.where, each.name): each for each in self.parameters(node)}
            security = self.requirements(node)
            anywhere = self.security if kind == "path" else None
            body_node, body = self.body(node, item)
            yield Operation(
                node=node,
                kind=kind,
                method=method,
                path=path,
                item=item,
                parameters=tuple((shared | own).values()),
                body=body,
                body_node=body_node,
                responses=tuple(self.responses(node)),
                security=anywhere if security is None else security,
                security_node=node.child("security") or (self.root.child("security") if anywhere else None),
                servers=tuple(chain(self.servers(node), self.servers(item))),
            )
            if level < _MOST_CALLBACKS:
                for callback in node.members("callbacks"):
                    for target in self.library.resolve(callback).entries():
                        yield from self.of_item(str(target.key), target, "callback", level + 1)

    def requirements(self, node: Node) -> tuple[Requirement, ...] | None:
        security = node.child("security")
        if security is None or type(security.value) is not list:
            return None
        return tuple(
            Requirement(
                each,
                {
                    name: tuple(scope for scope in scopes if isinstance(scope, str))
                    if isinstance(scopes, list)
                    else ()
                    for name, scopes in each.value.items()
                },
            )
            for each in security.items()
            if type(each.value) is dict
        )

    def parameters(self, node: Node) -> Iterator[Parameter]:
        for each in node.items("parameters"):
            found = self.library.resolve(each)
            if id(found.value) not in self._parameters:
                self._parameters[id(found.value)] = self.parameter(found)
            parameter = self._parameters[id(found.value)]
            if parameter is not None:
                yield parameter

    def parameter(self, node: Node) -> Parameter | None:
        raise NotImplementedError

    def body(self, node: Node, item: Node) -> tuple[Node | None, tuple[Media, ...]]:
        raise NotImplementedError

    def responses(self, node: Node) -> Iterator[Response]:
        raise NotImplementedError

    def schemes(self) -> Iterator[Scheme]:
        raise NotImplementedError

    def servers(self, node: Node) -> Iterator[Server]:
        raise NotImplementedError

    def headers(self, node: Node) -> dict[str, Node]:
        return {str(each.key).lower(): self.library.resolve(each) for each in node.members("headers")}


class _Three(_Reader):
    """OpenAPI 3.0, 3.1 and 3.2."""

    def parameter(self, node: Node) -> Parameter | None:
        if not node.text("name"):
            return None
        schema = node.child("schema")
        media = tuple(self.media(node))
        if schema is None and media:
            schema = media[0].schema
        return Parameter(node, node.text("name"), node.text("in").lower(), schema, media)

    def media(self, node: Node) -> Iterator[Media]:
        for each in node.members("content"):
            found = self.library.resolve(each)  # 3.2 has components.mediaTypes
            schema = found.child("schema") or found.child("itemSchema")
            yield Media(found, _plain_type(str(each.key)), schema)

    def body(self, node: Node, item: Node) -> tuple[Node | None, tuple[Media, ...]]:  # noqa: ARG002 - 2.0 needs it
        body = self.library.maybe(node.child("requestBody"))
        return (None, ()) if body is None else (body, tuple(self.media(body)))

    def responses(self, node: Node) -> Iterator[Response]:
        for each in node.entries("responses"):
            found = self.library.resolve(each)
            yield Response(found, str(each.key), self.headers(found), tuple(self.media(found)))

    def schemes(self) -> Iterator[Scheme]:
        components = self.root.child("components")
        for each in components.members("securitySchemes") if components is not None else ():
            node = self.library.resolve(each)
            flows = node.child("flows")
            yield Scheme(
                node=node,
                name=str(each.key),
                kind=node.text("type"),
                where=node.text("in").lower(),
                parameter=node.text("name"),
                http=node.text("scheme").lower(),
                flows=tuple(_flow(each, str(each.key)) for each in flows.entries()) if flows else (),
            )

    def servers(self, node: Node) -> Iterator[Server]:
        for each in node.items("servers"):
            if each.text("url"):
                yield Server(each, each.text("url"))


class _Two(_Reader):
    """OpenAPI 2.0, which was called Swagger."""

    def parameter(self, node: Node) -> Parameter | None:
        where = node.text("in")
        if not node.text("name") or where.lower() == "body":
            return None
        return Parameter(node, node.text("name"), where if where == "formData" else where.lower(), node)

    def body(self, node: Node, item: Node) -> tuple[Node | None, tuple[Media, ...]]:
        for each in chain(node.items("parameters"), item.items("parameters")):
            found = self.library.resolve(each)
            if found.text("in").lower() == "body":
                return found, self._media(node, "consumes", found, found.child("schema"))
        return None, ()

    def responses(self, node: Node) -> Iterator[Response]:
        for each in node.entries("responses"):
            found = self.library.resolve(each)
            schema = found.child("schema")
            media = () if schema is None else self._media(node, "produces", found, schema)
            yield Response(found, str(each.key), self.headers(found), media)

    def _media(self, operation: Node, field: str, node: Node, schema: Node | None) -> tuple[Media, ...]:
        types = operation.fields.get(field, self.root.fields.get(field))
        named = [each for each in types if isinstance(each, str)] if isinstance(types, list) else []
        return tuple(Media(node, _plain_type(each), schema) for each in named or ["application/json"])

    def schemes(self) -> Iterator[Scheme]:
        for each in self.root.members("securityDefinitions"):
            node = self.library.resolve(each)
            kind = node.text("type")
            name = node.text("flow")
            yield Scheme(
                node=node,
                name=str(each.key),
                kind="http" if kind == "basic" else kind,
                where=node.text("in").lower(),
                parameter=node.text("name"),
                http="basic" if kind == "basic" else "",
                flows=(_flow(node, _OLD_FLOWS.get(name, name)),) if kind == "oauth2" else (),
            )

    def servers(self, node: Node) -> Iterator[Server]:
        host = self.root.text("host")
        if node is not self.root and "schemes" not in node.fields:
            return
        if not host:
            return
        for each in node.items("schemes"):
            if isinstance(each.value, str):
                yield Server(each, f"{each.value.lower()}://{host}{self.root.text('basePath')}")


def _flow(node: Node, name: str) -> Flow:
    urls = {key: found for key in _URLS if (found := node.child(key)) is not None and found.value}
    scopes = node.fields.get("scopes")
    return Flow(node, name, urls, frozenset(scopes) if type(scopes) is dict else frozenset())


def _plain_type(named: str) -> str:
    return named.partition(";")[0].strip().lower()
