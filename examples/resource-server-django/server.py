"""A resource server: Django REST Framework verifies Keyturn's access tokens alone, with the published keys."""

import os
import secrets
from wsgiref.simple_server import make_server

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

ISSUER = os.environ.get("ISSUER", "http://localhost:7600")

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_hex(),  # signs nothing here: there are no sessions and no forms
    TIME_ZONE="UTC",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework_simplejwt",
    ],
    REST_FRAMEWORK={
        # No local user row is needed: request.user is made of the token's claims. (Since simplejwt 5.1 it is also
        # called JWTStatelessUserAuthentication.)
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTTokenUserAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    SIMPLE_JWT={
        "ALGORITHM": "RS256",
        "JWK_URL": ISSUER + "/.well-known/jwks.json",
        "ISSUER": ISSUER,  # compared as text: no slash at the end
        "AUDIENCE": os.environ.get("AUDIENCE", "https://api.example.com"),  # None would accept everyone's tokens
        "LEEWAY": 10,
        "USER_ID_CLAIM": "user_id",
    },
)
application = get_wsgi_application()

# These read the settings when they are imported.
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Protected(APIView):
    def get(self, request):
        return Response({"message": f"Hello, {request.user.username}! Your token is valid."})


urlpatterns = [path("api/protected/", Protected.as_view())]

if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
