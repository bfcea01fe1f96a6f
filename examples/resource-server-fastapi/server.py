"""A resource server: FastAPI and PyJWT verify Keyturn's access tokens alone, with the published keys."""

import os
import re
import socket

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request

ISSUER = os.environ.get("ISSUER", "http://localhost:7600")
AUDIENCE = os.environ.get("AUDIENCE", "https://api.example.com")

# Kept for five minutes, and fetched again for a kid that is not there. Not cache_keys=True: it never lets go of a key.
keys = jwt.PyJWKClient(ISSUER + "/.well-known/jwks.json", lifespan=300)
app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def refused(status, headers, detail):
    return HTTPException(status, detail, headers)


# Not async: PyJWKClient waits for the keys, and must not hold up everybody else meanwhile.
def access_token(request: Request):
    """What the token says, when it is good (RFC 6750)."""
    found = re.fullmatch(r"bearer +(\S+)", request.headers.get("authorization", ""), re.IGNORECASE)
    if not found:
        raise refused(401, {"WWW-Authenticate": "Bearer"}, "a bearer token is needed")
    try:
        claims = jwt.decode(
            found[1],
            keys.get_signing_key_from_jwt(found[1]).key,
            algorithms=["RS256"],
            issuer=ISSUER,  # compared as text: no slash at the end
            audience=AUDIENCE,
            leeway=10,
            options={"require": ["exp", "iat", "sub", "client_id", "jti"]},
        )
    except jwt.PyJWTError as error:
        # Keys that cannot be fetched are not the token's fault.
        if isinstance(error.__cause__ or error.__context__, OSError):
            raise refused(503, {"Retry-After": "1"}, "the keys cannot be had") from error
        raise refused(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, "the token is not valid") from error
    # The signature is over the header, too.
    if jwt.get_unverified_header(found[1]).get("typ") != "at+jwt":
        raise refused(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, "it is no access token")
    return claims


@app.get("/api/protected/")
def protected(claims: dict = Depends(access_token)):
    return {"message": f"Hello, {claims.get('username', claims['client_id'])}! Your token is valid."}


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8000"))))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
