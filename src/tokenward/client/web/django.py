"""Who is signed in, for Django, under WSGI and ASGI alike.

MIDDLEWARE = ["shop.people.middleware", ...]  # in people.py: middleware = sign_in_middleware(sign_in)

@signed_in(sign_in)
def orders(request, person): ...
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from tokenward.base.asgi import Scope
from tokenward.base.problems import TOO_LARGE
from tokenward.client.web.answers import WebAnswer, refused
from tokenward.client.web.person import Person
from tokenward.client.web.web_sign_in import WebSignIn
from tokenward.client.web.wsgi import scope_of

View = Callable[..., Any]


def sign_in_middleware(sign_in: WebSignIn) -> Callable[[View], View]:
    """A middleware that answers the paths of the sign-in, and lets everything else through as it is.

    It stands before `CsrfViewMiddleware`: what comes from the provider has none of Django's tokens, and a
    sign-out is held against `Origin` here.
    """

    def middleware(get_response: View) -> View:
        def respond(request: HttpRequest) -> HttpResponse:
            if not sign_in.handles(request.path):
                return get_response(request)
            try:
                answer = sign_in.answer(_scope(request), request.body)
            except RequestDataTooBig:
                answer = refused(TOO_LARGE)
            return _response(answer)

        return respond

    return middleware


def signed_in(
    sign_in: WebSignIn, *, max_age: int | None = None, acr_values: Iterable[str] = ()
) -> Callable[[View], View]:
    """Lets only who is signed in to a view, which is given the `Person` as `person`; as `WebSignIn.admit`."""
    wanted = tuple(acr_values)

    def decorator(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - the view's
            found = sign_in.admit(_scope(request), max_age=max_age, acr_values=wanted)
            if isinstance(found, Person):
                return view(request, *arguments, person=found, **named)
            return _response(found)

        return guarded

    return decorator


def current_person(sign_in: WebSignIn, request: HttpRequest) -> Person | None:
    """Who is signed in, for a view that is for everybody."""
    return sign_in.person(_scope(request))


def _scope(request: HttpRequest) -> Scope:
    # Under ASGI, PATH_INFO is text and not bytes in disguise; `request.path` is the same in both.
    return {**scope_of({**request.META, "SCRIPT_NAME": "", "PATH_INFO": ""}), "path": request.path}


def _response(answer: WebAnswer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    del response["Content-Type"]
    for name, value in answer.texts:
        if name != "set-cookie":
            response[name] = value
    for name, value in answer.texts:
        if name == "set-cookie":  # Django keeps cookies apart from headers, of which each name has one value
            response.cookies.load(value)
    return response
