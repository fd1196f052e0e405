"""Logging in by another house: tokens of an OpenID Connect provider, where the settings name one.

Nothing outside is asked unless they do. Its tokens are verified with its public keys and by asymmetric algorithms
only, ours with our secret only: which way a token goes follows from its issuer, so neither can be taken for the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import httpx
import jwt

from gis.errors import Busy, NotKnown

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
PATIENCE_S = 5.0
DISCOVERY = "/.well-known/openid-configuration"


class Vouched(NamedTuple):
    """Somebody a provider vouches for."""

    login: str
    #: When she logged in there, where the token says so, else when it was given out.
    at: datetime


@dataclass
class Provider:
    """One provider, and which claim of its tokens is the login of an account of ours."""

    issuer: str
    audience: str
    #: The client its tokens must have been given to; empty: any client of that audience.
    client: str = ""
    claim: str = "preferred_username"

    def made(self, token: str) -> bool:
        """Whether a token says it is of this provider; nothing is believed of it yet."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            return False
        return bool(claims.get("iss") == self.issuer)

    def vouched(self, token: str) -> Vouched:
        """Whom a token of this provider is for, and since when; refused unless all of it is right."""
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(
                token, key, ALGORITHMS, audience=self.audience, issuer=self.issuer,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )  # fmt: skip
        except jwt.PyJWKClientConnectionError:
            raise Busy("auth.provider") from None
        except jwt.PyJWTError:
            raise NotKnown("auth.token") from None
        login = claims.get(self.claim)
        if not isinstance(login, str) or (self.client and claims.get("azp") != self.client):
            raise NotKnown("auth.token")
        return Vouched(login, _moment(claims))

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        """Its keys, kept for five minutes; an unknown one is looked for twice a minute at most."""
        try:
            answer = httpx.get(self.issuer.rstrip("/") + DISCOVERY, timeout=PATIENCE_S)
            told = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            raise Busy("auth.provider") from None
        if told.get("issuer") != self.issuer:
            raise Busy("auth.provider")
        return jwt.PyJWKClient(told["jwks_uri"], timeout=PATIENCE_S)


def _moment(claims: Mapping[str, Any]) -> datetime:
    """A token that was renewed is as old as the login it goes back to (`auth_time`): a lost device renews, too."""
    said = [claims[name] for name in ("iat", "auth_time") if claims.get(name) is not None]
    try:
        return datetime.fromtimestamp(min(said), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise NotKnown("auth.token") from None
