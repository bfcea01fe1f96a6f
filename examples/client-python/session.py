"""Keeps a session alive, as docs/clients.md says, for all threads and processes that share a file. Needs requests."""

import contextlib
import fcntl
import json
import os
import random
import time

import requests


class SessionEnded(Exception):
    """The server has said so: sign in again. Nothing else is a reason to."""


class Unavailable(Exception):
    """No new token now. The session goes on: call again later, after so many seconds."""

    def __init__(self, message, wait=0):
        super().__init__(message)
        self.wait = wait


def tokens_from(answer, sent_at):
    """What is kept of the answer to a login or refresh."""
    lifetime = answer["expires_in"]
    return {
        "access_token": answer["access_token"],
        "refresh_token": answer["refresh_token"],
        "refresh_at": sent_at + lifetime * random.uniform(0.75, 0.80),
        "expires_at": sent_at + lifetime,
    }


class Session:
    def __init__(self, token_endpoint, client, path, timeout=10, patience=60):
        self.token_endpoint, self.client, self.path = token_endpoint, client, path
        self.timeout, self.patience = timeout, patience

    def access_token(self, refused=None):
        """A token that works. Pass the one that an API has answered with 401, if it has."""
        with self._one_at_a_time():
            tokens = self._load()
            if tokens["access_token"] == refused:
                tokens["refresh_at"] = tokens["expires_at"] = 0
            if time.time() < tokens["refresh_at"]:
                return tokens["access_token"]
            still_works = time.time() < tokens["expires_at"]
            try:
                return self._refresh(tokens["refresh_token"], 0 if still_works else self.patience)
            except Unavailable as error:
                if not still_works:
                    raise
                with contextlib.suppress(OSError):  # the next callers need not wait for it
                    self.save({**tokens, "refresh_at": time.time() + max(5, error.wait)})
                return tokens["access_token"]

    def _refresh(self, refresh_token, patience):
        deadline = time.time() + patience
        for attempt in range(1000):
            wait, sent_at = min(8, 0.25 * 2**attempt) * random.uniform(0.5, 1), time.time()
            try:
                form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
                response = requests.post(
                    self.token_endpoint, form, auth=self.client, timeout=self.timeout, allow_redirects=False
                )
                wait += float(response.headers.get("Retry-After", 0))
                answer = response.json()
                if response.status_code == 200:
                    tokens = tokens_from(answer, sent_at)
                    self.save(tokens)  # before anybody uses them
                    return tokens["access_token"]
                if (response.status_code, answer.get("error")) == (400, "invalid_grant"):
                    os.remove(self.path)
                    raise SessionEnded
                if response.status_code < 500 and response.status_code not in (408, 425, 429):
                    raise Unavailable(f"the server refuses this client: {answer}")
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                pass  # no answer, half of one, not the server's, a full disk: nobody knows, so ask again
            if time.time() + wait > deadline:
                break
            time.sleep(wait)
        raise Unavailable("the server cannot be reached", wait)

    def save(self, tokens):
        with open(self.path + ".new", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump(tokens, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)

    def _load(self):
        try:
            with open(self.path) as file:
                return json.load(file)
        except FileNotFoundError:
            raise SessionEnded from None

    @contextlib.contextmanager
    def _one_at_a_time(self):
        with open(self.path + ".lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # closing the file, or dying, opens the lock
            yield


if __name__ == "__main__":
    endpoint = os.environ.get("ISSUER", "http://localhost:7600") + "/oauth/token"
    client = (os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
    session = Session(endpoint, client, ".session.json")
    if not os.path.exists(session.path):
        login = {"username": os.environ["LOGIN"], "password": os.environ["PASSWORD"]}
        now, answer = time.time(), requests.post(endpoint, {"grant_type": "password", **login}, auth=client, timeout=10)
        answer.raise_for_status()
        session.save(tokens_from(answer.json(), now))
    print(session.access_token()[:20], "…")
