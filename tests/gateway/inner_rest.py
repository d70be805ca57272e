"""Views of Django REST framework; Django imports this, once its settings are there."""

from django.urls import path
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from tokenward.middleware.rest_framework import TokenwardAuthentication


class Whoami(APIView):
    authentication_classes = (TokenwardAuthentication,)

    def get(self, request, **_):
        user, caller = request.user, request.auth
        if caller is None:
            return Response({"user": str(user)})
        flags = (user.is_authenticated, user.is_anonymous, user.is_active, user.is_staff, user.is_superuser)
        return Response({"pk": user.pk, "user": str(user), "operation": caller.operation, "flags": flags})


class Members(Whoami):
    permission_classes = (IsAuthenticated,)


urlpatterns = [
    path("bank/accounts/<number>", Members.as_view()),
    path("weather/about", Whoami.as_view()),
]
