"""A Django project whose users sign in at Keyturn. What is Keyturn's is at the end."""

import os
import secrets

ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "project.urls"
SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_hex()
TIME_ZONE = "UTC"
USE_TZ = True
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", "db.sqlite3")}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework_simplejwt",
    "oauth2_provider",  # only for introspection
    "people",
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["people.authentication.KeyturnAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

ISSUER = os.environ.get("ISSUER", "http://localhost:7600")

SIMPLE_JWT = {
    "ALGORITHM": "RS256",
    "JWK_URL": ISSUER + "/.well-known/jwks.json",
    "ISSUER": ISSUER,  # compared as text: no slash at the end
    "AUDIENCE": os.environ.get("AUDIENCE", "https://api.example.com"),  # None would accept everyone's tokens
    "LEEWAY": 10,
    "USER_ID_CLAIM": "user_id",
}

# Users whose id at Keyturn is a number were imported, with the primary key that they had where they came from. Was that
# this database? Then such a number is the primary key here.
KEYTURN_IMPORTED_FROM_HERE = os.environ.get("IMPORTED_FROM_HERE") == "1"

# Introspection: for who must notice the end of a session at once, at the price of a request to Keyturn.
OAUTH2_PROVIDER = {
    "RESOURCE_SERVER_INTROSPECTION_URL": ISSUER + "/oauth/introspect",
    # clients create --name "My API" --audience https://api.example.com   (no grants: a resource server)
    "RESOURCE_SERVER_INTROSPECTION_CREDENTIALS": (
        os.environ.get("CLIENT_ID", ""),
        os.environ.get("CLIENT_SECRET", ""),
    ),
    # An answer is kept this long, and an ended session works as long. Without it: ten hours.
    "RESOURCE_SERVER_TOKEN_CACHING_SECONDS": int(os.environ.get("CACHING_SECONDS", "10")),

}
