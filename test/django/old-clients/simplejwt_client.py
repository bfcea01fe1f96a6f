"""A command-line client as people write them against djangorestframework-simplejwt.

    simplejwt_client.py URL login USERNAME PASSWORD
    simplejwt_client.py URL whoami
    simplejwt_client.py URL logout
"""

import json
import sys
from pathlib import Path

import requests

TOKENS = Path("tokens.json")


class Api:
    def __init__(self, url):
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.tokens = json.loads(TOKENS.read_text()) if TOKENS.exists() else {}

    def save(self, tokens):
        self.tokens = {**self.tokens, **tokens}
        TOKENS.write_text(json.dumps(self.tokens))

    def login(self, username, password):
        response = self.session.post(f"{self.url}/api/token/", data={"username": username, "password": password})
        if response.status_code == 401:
            sys.exit(response.json()["detail"])
        response.raise_for_status()
        self.save({"access": response.json()["access"], "refresh": response.json()["refresh"]})

    def refresh(self):
        response = self.session.post(f"{self.url}/api/token/refresh/", json={"refresh": self.tokens.get("refresh", "")})
        if response.status_code in (400, 401):
            sys.exit("please log in")
        response.raise_for_status()
        self.save(response.json())

    def get(self, path):
        response = self.session.get(self.url + path, headers={"Authorization": f"Bearer {self.tokens.get('access')}"})
        if response.status_code == 401 and response.json().get("code") == "token_not_valid":
            self.refresh()
            response = self.session.get(self.url + path, headers={"Authorization": f"Bearer {self.tokens['access']}"})
        response.raise_for_status()
        return response.json()

    def logout(self):
        response = self.session.post(f"{self.url}/api/token/blacklist/", json={"refresh": self.tokens["refresh"]})
        response.raise_for_status()


if __name__ == "__main__":
    api = Api(sys.argv[1])
    if sys.argv[2] == "login":
        api.login(*sys.argv[3:])
        print("signed in")
    elif sys.argv[2] == "whoami":
        print(api.get("/api/protected/")["message"])
    elif sys.argv[2] == "logout":
        api.logout()
        print("signed out")
