"""Who is signed in, for a view of Flask.

app.wsgi_app = SignInWsgi(app.wsgi_app, sign_in)

@app.get("/orders")
@signed_in(sign_in)
def orders(person: Person): ...
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from flask import Response, request

from tokenward.client.web.person import Person
from tokenward.client.web.web_sign_in import WebSignIn
from tokenward.client.web.wsgi import scope_of

View = Callable[..., Any]


def signed_in(
    sign_in: WebSignIn, *, max_age: int | None = None, acr_values: Iterable[str] = ()
) -> Callable[[View], View]:
    """Lets only who is signed in to a view, which is given the `Person` as `person`; as `WebSignIn.admit`."""
    wanted = tuple(acr_values)

    def decorator(view: View) -> View:
        @wraps(view)
        def guarded(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - the view's
            found = sign_in.admit(scope_of(request.environ), max_age=max_age, acr_values=wanted)
            if isinstance(found, Person):
                return view(*arguments, person=found, **named)
            return Response(found.body, found.status, found.texts)

        return guarded

    return decorator


def current_person(sign_in: WebSignIn) -> Person | None:
    """Who is signed in, for a view that is for everybody."""
    return sign_in.person(scope_of(request.environ))
