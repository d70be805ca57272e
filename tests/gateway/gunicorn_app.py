"""What gunicorn serves: the door on an engine of each worker, over the world that the test has written down.

A decision is made before the fork, so that whatever survives it is seen to be of no use.
"""

import os
from pathlib import Path

from gateway import inner, inner_django
from gateway.inner import Ready, read_world
from tokenward.app.engine_thread import EngineThread
from tokenward.gateway.access import AccessRequest
from tokenward.gateway.doors.errands import Errands
from tokenward.gateway.doors.wsgi import WsgiDoor

_APPS = {"flask": inner.flask_app, "django": inner_django.wsgi_app}
_WORLD = Path(os.environ["WORLD"])

_thread = EngineThread(lambda: Ready(read_world(_WORLD).engine))
_thread.ask(AccessRequest("GET", b"/weather/about", b"", (), "192.0.2.1"), Errands())

application = WsgiDoor(_APPS[os.environ["INNER"]](), _thread.ask)
