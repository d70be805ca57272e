"""What the admin API is told: JSON objects, read strictly."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from tokenward.base.asgi import read_body
from tokenward.base.problems import INVALID_INPUT, MALFORMED, WRONG_MEDIA_TYPE, Refusal
from tokenward.tokens.strict_json import read_object

BODY_LIMIT = 65_536


class Input(BaseModel):
    """What a request's body must hold, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


InputT = TypeVar("InputT", bound=Input)


async def read_input(request: Request, model: type[InputT]) -> InputT:
    """The body of a request.

    Raises:
        Refusal: WRONG_MEDIA_TYPE, MALFORMED, TOO_LARGE; INVALID_INPUT, with the first member that is wrong.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(WRONG_MEDIA_TYPE)
    body = await read_body(request.receive, limit=BODY_LIMIT)
    try:
        return model.model_validate(read_object(body))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refusal(INVALID_INPUT, f"{where}: {first['msg']}") from None
    except ValueError:
        raise Refusal(MALFORMED, "the body is not a JSON object") from None
