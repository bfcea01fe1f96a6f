"""The same answer three times, each way to know who asks."""

from oauth2_provider.contrib.rest_framework import OAuth2Authentication, TokenHasScope
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTTokenUserAuthentication


class Stateful(APIView):
    """A row of our own (the default of this project): verified here, with the published keys."""

    def get(self, request):
        return Response({"message": f"Hello, {request.user.username}! Your token is valid.", "user": request.user.pk})


class Stateless(Stateful):
    """No row and no query: request.user is made of the token. (Since simplejwt 5.1: JWTStatelessUserAuthentication.)"""

    authentication_classes = [JWTTokenUserAuthentication]


class Introspected(Stateful):
    """Keyturn is asked: what has ended there has ended here, within CACHING_SECONDS. Knows scopes, takes authtokens."""

    authentication_classes = [OAuth2Authentication]
    permission_classes = [TokenHasScope]
    required_scopes = ["read"]
