"""Addresses of ours in answers. What a request says of its own host is believed only where it is known to be ours, so
that no answer, kept by a cache or followed by a reader, leads to somebody else's."""

from __future__ import annotations

from starlette.requests import Request

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PORTS = {"http": 80, "https": 443}


def base(request: Request) -> str:
    """What links begin with: the public address of the settings, else the host that was asked for where that is this
    machine at the address it was reached by; else nothing, and links lead from the root of wherever one is."""
    public: str = request.app.state.settings.public_url
    asked = request.headers.get("host", "").lower()
    return public or (f"{request.url.scheme}://{asked}" if asked in _hosts(request) else "")


def here(request: Request, **query: str) -> str:
    """The address of this request, with parameters set anew."""
    url = request.url.include_query_params(**query) if query else request.url
    return base(request) + str(url.replace(scheme="", netloc="", fragment=""))


def _hosts(request: Request) -> set[str]:
    """How this machine may be called in a request: by loopback, or by the address that is served."""
    at, port = request.scope.get("server") or ("", None)
    names = {f"[{name}]" if ":" in name else name for name in (at, request.app.state.settings.host, *LOOPBACK) if name}
    bare = names if port in (None, PORTS.get(request.url.scheme)) else set()
    return bare | {f"{name}:{port}" for name in names}
