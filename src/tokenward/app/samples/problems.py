"""How both samples tell a refusal: `application/problem+json` (RFC 9457)."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


async def as_problem(_request: Request, error: Exception) -> Response:
    """An HTTPException in the form that the OpenAPI documents promise."""
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, error.detail, dict(error.headers or {}))


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """One refusal; `about:blank` means that the status says what kind it is (RFC 9457 §4.2.1)."""
    members = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return JSONResponse(members, status, headers, media_type="application/problem+json")
