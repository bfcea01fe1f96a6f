"""Reads {"passwords": [...], "cheap": bool} from stdin and writes, as Django makes them, [{format, password, hash}] to stdout.

With argon2i come the hashes of Django before 3.2 and of older argon2 libraries, which it still checks. Cheap hashes have the least work that Django's hashers can be set to; the others are at this Django's own settings. Django
before 4.0 has no scrypt: those are made from hashlib.scrypt, put together as Django 4.0 and later do.
"""
import base64
import hashlib
import json
import sys

import argon2
import django
from django.conf import settings
from django.contrib.auth import hashers
from django.utils.crypto import get_random_string

settings.configure(
    PASSWORD_HASHERS=['django.contrib.auth.hashers.PBKDF2PasswordHasher', 'django.contrib.auth.hashers.Argon2PasswordHasher']
)
django.setup()

CHEAP = {
    'PBKDF2PasswordHasher': {'iterations': 1000},
    'PBKDF2SHA1PasswordHasher': {'iterations': 1000},
    'Argon2PasswordHasher': {'time_cost': 1, 'memory_cost': 64, 'parallelism': 2},
    'BCryptSHA256PasswordHasher': {'rounds': 4},
    'BCryptPasswordHasher': {'rounds': 4},
    'ScryptPasswordHasher': {'work_factor': 2**5},
    'MD5PasswordHasher': {},
    'SHA1PasswordHasher': {},
    'UnsaltedMD5PasswordHasher': {},
    'UnsaltedSHA1PasswordHasher': {},
    'CryptPasswordHasher': {},
}


class ScryptAsInDjango4:
    algorithm = 'scrypt'
    work_factor, block_size, parallelism = 2**14, 8, 1

    def salt(self):
        return get_random_string(22)

    def encode(self, password, salt):
        n, r, p = self.work_factor, self.block_size, self.parallelism
        key = hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=0, dklen=64)
        return '%s$%d$%s$%d$%d$%s' % (self.algorithm, n, salt, r, p, base64.b64encode(key).decode())


def hasher_named(name, is_cheap):
    made = getattr(hashers, name, ScryptAsInDjango4 if name.startswith('Scrypt') else None)
    if made is None:
        return None
    hasher = made()
    for attribute, value in (CHEAP[name] if is_cheap else {}).items():
        setattr(hasher, attribute, value)
    return hasher


def old_argon2(password, version, length):
    """As Django wrote them with argon2-cffi from 16.1 on: argon2i, 512 KiB, 2 passes, 2 lanes."""
    hash = argon2.low_level.hash_secret(
        password.encode(), get_random_string(12).encode(), 2, 512, 2, length, argon2.Type.I, version
    ).decode()
    encoded = 'argon2' + (hash.replace('$v=16', '') if version == 16 else hash)
    assert hashers.check_password(password, encoded), encoded
    return encoded


asked = json.load(sys.stdin)
answer = []
for name in CHEAP:
    hasher = hasher_named(name, asked['cheap'])
    for password in asked['passwords'] if hasher else []:
        hash = hasher.encode(password, hasher.salt())
        answer.append({'format': hasher.algorithm, 'password': password, 'hash': hash})
for password in asked['passwords']:
    for version, length in ((16, 16), (19, 16), (19, 32)):
        answer.append({'format': 'argon2', 'password': password, 'hash': old_argon2(password, version, length)})
answer.append({'format': 'none', 'password': '', 'hash': hashers.make_password(None)})
json.dump(answer, sys.stdout)
