"""Tokens: given for a password, renewed, taken back."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

import api.auth
import api.login
import data.users
from api.deps import Now, Session, Who, allow
from api.schemas.token import Me, PasswordChange, PasswordGrant, Proof, RefreshGrant, Revocation, SecondFactor, Token

router = APIRouter(prefix="/api", tags=["token"])

ANYBODY = ("street", "community", "inspector", "planner", "partner", "auditor", "admin")


@router.post("/token", summary="Log in")
def log_in(request: Request, response: Response, form: Annotated[PasswordGrant, Form()], now: Now) -> Token:
    """OAuth 2.0 password grant. After too many tries 429; `Retry-After` says for how long.

    `auth.otp`: the password was right, and a code of the second factor is wanted in `otp`. `auth.enrol`: that role
    wants a second factor, and there is none yet (`POST /api/token/second-factor`).
    """
    asked = api.login.Asked(
        form.username, form.password.get_secret_value(), _address(request), form.scope, form.device_id, _otp(form)
    )
    state = request.app.state
    needed = state.settings.second_factor_roles
    return _given(response, api.login.log_in(state.door, state.keyring, asked, now=now, need_factor=needed))


@router.post("/token/refresh", summary="Stay logged in")
def refresh(request: Request, response: Response, form: Annotated[RefreshGrant, Form()], now: Now) -> Token:
    """Each refresh token is used once; the same one again within 30 seconds gets the same answer."""
    state, token = request.app.state, form.refresh_token.get_secret_value()
    return _given(response, api.login.refresh(state.door, state.keyring, token, device=form.device_id, now=now))


@router.post("/token/revoke", summary="Log out")
def log_out(request: Request, form: Annotated[Revocation, Form()]) -> None:
    """Answers alike whether or not the token was good (RFC 7009)."""
    api.login.log_out(request.app.state.door, request.app.state.keyring, form.token.get_secret_value())


@router.post("/token/password", summary="Change one's own password", status_code=204)
def change_password(request: Request, form: Annotated[PasswordChange, Form()], now: Now) -> None:
    """The old one is the proof, and is tried as often as in logging in; every session ends, also the one in use.

    Whoever was given a password by somebody else sees no person before she has changed it and a second one confirmed.
    """
    state, new = request.app.state, form.new_password.get_secret_value()
    api.login.change_password(state.door, state.keyring, _asked(request, form), new, now=now)


@router.post("/token/second-factor", summary="Enrol a second factor")
def enrol(request: Request, response: Response, form: Annotated[Proof, Form()], now: Now) -> SecondFactor:
    """Secret and recovery codes are shown this once; it counts from `…/confirm` on. `otp`: of the one it replaces."""
    state = request.app.state
    made = api.login.enrol(state.door, state.keyring, _asked(request, form), now=now)
    response.headers["Cache-Control"] = "no-store"
    return SecondFactor(secret=made.secret, uri=made.uri, recovery_codes=made.recovery_codes)


@router.post("/token/second-factor/confirm", summary="Prove the new second factor by a code of it", status_code=204)
def prove(request: Request, form: Annotated[Proof, Form()], now: Now) -> None:
    state = request.app.state
    api.login.prove(state.door, state.keyring, _asked(request, form), now=now)


@router.get("/me", summary="Who am I", dependencies=[allow(*ANYBODY)])
def me(session: Session, who: Who) -> Me:
    assert who.user_id is not None
    user, held = data.users.get(session, who.user_id), data.users.held(session)
    scopes = None if who.scopes is None else sorted(who.scopes)
    return Me(
        login=user["login"],
        name=user["name"],
        role=who.role,
        roles=sorted(held),
        areas=held.get(who.role, []),
        scopes=scopes,
    )


def _given(response: Response, tokens: api.login.Tokens) -> Token:
    response.headers["Cache-Control"] = "no-store"
    lasts = int(api.auth.ACCESS_FOR.total_seconds())
    return Token(access_token=tokens.access, expires_in=lasts, refresh_token=tokens.refresh, scope=tokens.role)


def _asked(request: Request, form: Proof) -> api.login.Asked:
    password = form.password.get_secret_value()
    return api.login.Asked(form.username, password, _address(request), device=form.device_id, otp=_otp(form))


def _otp(form: Proof) -> str | None:
    return None if form.otp is None else form.otp.get_secret_value()


def _address(request: Request) -> str:
    """Where the request comes from; of IPv6 the network, since one subscriber has all its addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
