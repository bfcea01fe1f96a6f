"""Signs local users in with Keyturn's access tokens: any user model, no change to its table."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken

from people.models import KeyturnAccount


class KeyturnAuthentication(JWTAuthentication):
    """request.user is a row of this project's own: with its groups, permissions and foreign keys."""

    def get_user(self, validated_token):
        try:
            keyturn_id = validated_token["user_id"]
            username = validated_token["username"]
        except KeyError:
            raise InvalidToken("Token contained no recognizable user identification")  # a client's own token
        if settings.KEYTURN_IMPORTED_FROM_HERE and keyturn_id.isdecimal():
            user = get_user_model().objects.filter(pk=keyturn_id).first()
        else:
            user = find(keyturn_id) or connect(keyturn_id, username)
        if user is None:
            raise AuthenticationFailed("User not found", code="user_not_found")
        if not user.is_active:
            raise AuthenticationFailed("User is inactive", code="user_inactive")
        return user


def find(keyturn_id):
    account = KeyturnAccount.objects.select_related("user").filter(pk=keyturn_id).first()
    return account and account.user


def connect(keyturn_id, username):
    """Makes the user of this first visit. A username that is taken here is somebody else's."""
    try:
        with transaction.atomic():
            user = get_user_model().objects.create_user(username)  # without a password: it is at Keyturn
            KeyturnAccount.objects.create(keyturn_id=keyturn_id, user=user)
            return user
    except IntegrityError:
        user = find(keyturn_id)  # another request was first
        if user is None:
            raise AuthenticationFailed("This username is somebody else's here", code="user_not_connected")
        return user
