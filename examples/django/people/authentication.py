"""Signs local users in with Keyturn's access tokens: any user model, no change to its table."""

from uuid import UUID

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
            keyturn_id = UUID(validated_token["user_id"])
            username = validated_token["username"]
        except (KeyError, ValueError, AttributeError):
            raise InvalidToken("Token contained no recognizable user identification")  # a client's own token
        user = find(keyturn_id) or connect(keyturn_id, username)
        if not user.is_active:
            raise AuthenticationFailed("User is inactive", code="user_inactive")
        return user


def find(keyturn_id):
    account = KeyturnAccount.objects.select_related("user").filter(pk=keyturn_id).first()
    return account and account.user


def connect(keyturn_id, username):
    """The user of this first visit: the one of the same username where that is asked for, else a new one."""
    User = get_user_model()
    try:
        with transaction.atomic():
            user = User.objects.filter(**{User.USERNAME_FIELD: username}).first()
            if user is None:
                user = User.objects.create_user(username)  # without a password: it is at Keyturn
            elif not settings.KEYTURN_LINK_BY_USERNAME:
                raise AuthenticationFailed("This username is somebody else's here", code="user_not_linked")
            KeyturnAccount.objects.create(keyturn_id=keyturn_id, user=user)
            return user
    except IntegrityError:  # another request was first, or that user is connected to somebody else already
        user = find(keyturn_id)
        if user is None:
            raise AuthenticationFailed("This username is somebody else's here", code="user_not_linked")
        return user
