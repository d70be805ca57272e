"""People sign in to a web application by OpenID Connect, and stay signed in by a session on its server.

No token reaches the browser, and nothing rests on an access token: who signed in is what an ID token says
that answers this very sign-in. The doors of frameworks are `asgi`, `fastapi`, `wsgi`, `flask` and `django`.
"""

from typing import TYPE_CHECKING

from tokenward.base.deferred import deferred

if TYPE_CHECKING:
    from tokenward.client.web.memory import MemorySessions
    from tokenward.client.web.person import Person
    from tokenward.client.web.sqlite import SqliteSessions
    from tokenward.client.web.store import SessionStore, StoredSession
    from tokenward.client.web.web_sign_in import WebSignIn

__all__ = ["MemorySessions", "Person", "SessionStore", "SqliteSessions", "StoredSession", "WebSignIn"]

__getattr__ = deferred(
    __name__,
    {
        "MemorySessions": "tokenward.client.web.memory",
        "Person": "tokenward.client.web.person",
        "SessionStore": "tokenward.client.web.store",
        "SqliteSessions": "tokenward.client.web.sqlite",
        "StoredSession": "tokenward.client.web.store",
        "WebSignIn": "tokenward.client.web.web_sign_in",
    },
)
