from django.conf import settings
from django.db import models


class KeyturnAccount(models.Model):
    """Which local user a user of Keyturn's is. Usernames change and are given to others; this identifier never is."""

    keyturn_id = models.CharField(max_length=36, primary_key=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="keyturn_account")
