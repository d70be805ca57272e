"""A Django application behind the doors, like those of `inner`; its settings and its URLs, too."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import re_path

from gateway.inner import INNER, echo, wsgi_headers
from tokenward.gateway.doors.in_process import Caller

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="of a test",
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        INSTALLED_APPS=["rest_framework"],
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
        USE_TZ=True,
    )
    django.setup()


def _endpoint(request, path):
    scope = getattr(request, "scope", None)
    caller = Caller.of_environ(request.META) if scope is None else Caller.of_scope(scope)
    told = echo(path, wsgi_headers(request.META), caller, request.build_absolute_uri(), request.body)
    return JsonResponse(told, headers={INNER: "1"})


urlpatterns = [re_path(r"^(?P<path>.*)$", _endpoint)]

wsgi_app = get_wsgi_application
asgi_app = get_asgi_application
