"""A Django project whose people are signed in with simplejwt: prints its key and what the clients hold, and dumps."""

import json
import os
import sys
from datetime import timedelta
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command

url = urlsplit(os.environ["DATABASE_URL"])
KEY = "a key of fifty characters, as django makes them: 0123"
settings.configure(
    SECRET_KEY=KEY,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path[1:],
            "USER": url.username,
            "PASSWORD": url.password or "",
            "HOST": url.hostname,
            "PORT": url.port,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework_simplejwt",
        "rest_framework_simplejwt.token_blacklist",
    ],
    USE_TZ=True,
    SIMPLE_JWT={"REFRESH_TOKEN_LIFETIME": timedelta(days=30)},
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken  # noqa: E402

call_command("migrate", verbosity=0)
known = {"key": KEY, "refresh": {}, "ids": {}}
for name in ["ada", "bob", "cyd", "dan", "eve", "fay"]:
    user = User(username=name, is_active=name != "dan", is_staff=name == "eve")
    user.set_unusable_password()
    user.save()
    known["ids"][name] = str(user.pk)
    known["refresh"][name] = str(RefreshToken.for_user(user))
ada = User.objects.get(username="ada")
known["second"] = str(RefreshToken.for_user(ada))
RefreshToken(known["refresh"]["cyd"]).blacklist()
known["access"] = str(AccessToken.for_user(ada))


def unlisted(name, **claims):
    """Signed with the key, and in no list: what a thief of the key makes, or a project without the blacklist app."""
    token = RefreshToken()
    token["user_id"] = int(known["ids"][name])
    for claim, value in claims.items():
        token.payload[claim] = value
    return str(token)


known["unlisted"] = {name: unlisted(name) for name in ["ada", "eve"]}
listed = RefreshToken(known["second"])
known["expired"] = unlisted("ada", exp=listed["iat"] - 60)
known["otherUser"] = unlisted("bob", jti=listed["jti"])
known["jti"] = listed["jti"]
for path in sys.argv[1:]:
    call_command("dumpdata", output=path, verbosity=0)
print(json.dumps(known))
