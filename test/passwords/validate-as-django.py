"""Reads [[password, {username, first_name, last_name, email}], ...] from stdin and writes what Django's four validators say."""
import json
import sys

import django
from django.conf import settings

settings.configure(INSTALLED_APPS=['django.contrib.auth', 'django.contrib.contenttypes'])
django.setup()

from django.contrib.auth import get_user_model, password_validation as validation
from django.core.exceptions import ValidationError

VALIDATORS = [
    validation.UserAttributeSimilarityValidator(),
    validation.MinimumLengthValidator(),
    validation.CommonPasswordValidator(),
    validation.NumericPasswordValidator(),
]


def said(password, user):
    try:
        validation.validate_password(password, user, VALIDATORS)
    except ValidationError as error:
        return error.messages
    return []


User = get_user_model()
json.dump([said(password, User(**known)) for password, known in json.load(sys.stdin)], sys.stdout)
