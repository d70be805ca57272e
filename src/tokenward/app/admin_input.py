"""What the admin API is told: JSON objects and queries, read strictly."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request

from tokenward.base.asgi import read_body
from tokenward.base.problems import INVALID_INPUT, JSON_EXPECTED, MALFORMED, NOT_FOUND, Refusal
from tokenward.tokens.strict_json import read_object

BODY_LIMIT = 65_536


class Input(BaseModel):
    """What a request's body must hold, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Query(BaseModel):
    """What a request's query may hold, and nothing else."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NothingAsked(Query):
    """No query."""


class NotAsDocumented(Refusal):
    """Input that the published document does not allow.

    Attributes:
        pointer: to the member that is wrong (RFC 6901).
    """

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(INVALID_INPUT, detail)
        self.pointer = pointer


InputT = TypeVar("InputT", bound=Input)
QueryT = TypeVar("QueryT", bound=Query)


async def read_input(request: Request, model: type[InputT]) -> InputT:
    """The body of a request.

    Raises:
        Refusal: JSON_EXPECTED, MALFORMED, TOO_LARGE.
        NotAsDocumented: with the first member that is wrong.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(JSON_EXPECTED)
    body = await read_body(request.receive, limit=BODY_LIMIT)
    try:
        return model.model_validate(read_object(body))
    except ValidationError as error:
        raise _not_as_documented(error) from None
    except ValueError:
        raise Refusal(MALFORMED, "the body is not a JSON object") from None


def read_query(request: Request, model: type[QueryT]) -> QueryT:
    """The query of a request; a parameter that is there twice is none.

    Raises:
        NotAsDocumented: with the first parameter that is wrong.
    """
    given = request.query_params.multi_items()
    if len(dict(given)) != len(given):
        raise NotAsDocumented("", "a parameter of the query is there twice")
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise _not_as_documented(error) from None


def read_path(request: Request, named: Mapping[str, TypeAdapter[Any]]) -> dict[str, str]:
    """The parts of the path.

    Raises:
        Refusal: NOT_FOUND, one is no name of anything.
    """
    found = {}
    for name, adapter in named.items():
        try:
            found[name] = adapter.validate_python(request.path_params[name])
        except ValidationError:
            raise Refusal(NOT_FOUND, f"this is no {name}") from None
    return found


def _not_as_documented(error: ValidationError) -> NotAsDocumented:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where: Sequence[int | str] = first["loc"]
    # What stands there was sent by the caller, in the place of a member's name, too.
    parts = [str(part)[:100].replace("~", "~0").replace("/", "~1") for part in where]
    named = ".".join(str(part)[:100] for part in where)
    return NotAsDocumented("".join(f"/{part}" for part in parts), f"{named}: {first['msg']}")
