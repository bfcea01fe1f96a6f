"""Resource servers: PyJWT verifies Keyturn's access tokens with the published keys, which each keeps in its own way."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = os.environ["ISSUER"]
JWKS, BRIEF_JWKS = os.environ["JWKS"], os.environ["BRIEF_JWKS"]
SETS = {
    "/default/": jwt.PyJWKClient(JWKS),
    "/one-second/": jwt.PyJWKClient(BRIEF_JWKS, lifespan=1),
    "/cache-keys/": jwt.PyJWKClient(BRIEF_JWKS, lifespan=1, cache_keys=True),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        token = self.headers["Authorization"].removeprefix("Bearer ")
        try:
            key = SETS[self.path].get_signing_key_from_jwt(token).key
            jwt.decode(token, key, algorithms=["RS256"], issuer=ISSUER, audience=os.environ["AUDIENCE"], leeway=10)
            status, reason = 200, ""
        except jwt.PyJWTError as error:
            status, reason = 401, str(error)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(reason.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
