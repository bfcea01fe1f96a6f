"""A Django project's data, made by Django itself: migrates, fills the tables, prints what its people know, and dumps."""

import hashlib
import json
import os
import sys
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command

url = urlsplit(os.environ["DATABASE_URL"])
DATABASE = (
    {"ENGINE": "django.db.backends.sqlite3", "NAME": url.path}
    if url.scheme == "sqlite"
    else {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path[1:],
        "USER": url.username,
        "PASSWORD": url.password or "",
        "HOST": url.hostname,
        "PORT": url.port,
    }
)
settings.configure(
    SECRET_KEY="not a secret",
    DATABASES={"default": DATABASE},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
        "rest_framework_api_key",
    ],
    USE_TZ=True,
    PASSWORD_HASHERS=[
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ],
)
django.setup()

from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.db import connection  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402

call_command("migrate", verbosity=0)
known = {"passwords": {}, "authtokens": {}, "ids": {}}


def person(username, hasher="pbkdf2_sha256", **fields):
    password = f"the password of {username}"
    user = User(username=username, password=make_password(password, hasher=hasher), **fields)
    user.save()
    known["passwords"][username] = password
    known["ids"][username] = str(user.pk)
    known["authtokens"][username] = Token.objects.create(user=user).key


person("ada", email="ada@example.com", first_name="Ada", last_name="Lovelace", is_staff=True)
person("bob", hasher="pbkdf2_sha1", email="")
person("cyd", hasher="md5")
person("dan", is_active=False)
person("eve", email="ADA@example.com")  # an address twice, which Django lets happen
Group.objects.create(name="editors")

api_key, known["apiKey"] = APIKey.objects.create_key(name="report")
_, known["revokedApiKey"] = APIKey.objects.create_key(name="old", revoked=True)
# As version 3 of the package stores it.
api_key, newer = APIKey.objects.create_key(name="newer")
if connection.vendor == "postgresql":
    with connection.cursor() as cursor:  # as its migrations have it
        cursor.execute("alter table rest_framework_api_key_apikey alter hashed_key type varchar(150)")
api_key.hashed_key = "sha512$$" + hashlib.sha512(newer.encode()).hexdigest()
APIKey.objects.filter(pk=api_key.pk).update(hashed_key=api_key.hashed_key)
known["newerApiKey"] = newer

for path in sys.argv[1:]:
    call_command("dumpdata", format="jsonl" if path.endswith("l") else "json", output=path, verbosity=0)
print(json.dumps(known))
