"""Django REST Framework with simplejwt: RS256, rotation and the blacklist on PostgreSQL.

BENCH_TUNED=1 is what somebody does who has measured it: the key is parsed once, connections to the database are kept,
and of the middleware only what an API needs. Otherwise it is as the manuals of Django and simplejwt leave it.

    python3 project.py NUMBER     makes the schema and a user, prints NUMBER pairs of tokens
    gunicorn project:application
"""

import json
import os
import sys
from datetime import timedelta

import django
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

TUNED = os.environ["BENCH_TUNED"] == "1"
USERNAME = "benjamin"


def read_key(name, parse):
    with open(os.environ[name], "rb") as file:
        pem = file.read()
    return parse(pem) if TUNED else pem.decode()


STARTPROJECT_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ["BENCH_SECRET"],
    TIME_ZONE="UTC",
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "PORT": os.environ["BENCH_POSTGRES_PORT"],
            "NAME": "postgres",
            "USER": "postgres",
            "CONN_MAX_AGE": None if TUNED else 0,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"] if TUNED else STARTPROJECT_MIDDLEWARE,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "rest_framework",
        "rest_framework_simplejwt",
        "rest_framework_simplejwt.token_blacklist",
    ],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    SIMPLE_JWT={
        "ALGORITHM": "RS256",
        "SIGNING_KEY": read_key("BENCH_PRIVATE_KEY", lambda pem: load_pem_private_key(pem, None)),
        "VERIFYING_KEY": read_key("BENCH_PUBLIC_KEY", load_pem_public_key),
        "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
        "ROTATE_REFRESH_TOKENS": True,
        "BLACKLIST_AFTER_ROTATION": True,
    },
)
django.setup()
application = get_wsgi_application()

from django.contrib.auth import get_user_model  # noqa: E402
from rest_framework_simplejwt import views  # noqa: E402
from rest_framework_simplejwt.tokens import RefreshToken  # noqa: E402

urlpatterns = [
    path("ready", lambda request: HttpResponse("ready")),
    path("api/token/", views.token_obtain_pair),
    path("api/token/refresh/", views.token_refresh),
    path("api/token/verify/", views.token_verify),
]


def session(user):
    refresh = RefreshToken.for_user(user)
    return {"refresh": str(refresh), "access": str(refresh.access_token)}


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    made = get_user_model().objects.create_user(USERNAME, password=os.environ["BENCH_PASSWORD"])
    print(json.dumps([session(made) for _ in range(int(sys.argv[1]))]))
