"""The web application: routes, problem documents and headers, put together."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

import api.errors
import api.routes.areas
import api.routes.coverage
import api.routes.health
import api.routes.pages
import data.db
import data.keyring
from api.settings import Settings

STATIC = Path(__file__).resolve().parent.parent / "maps" / "static"

#: Pages bring every script, style and picture themselves; folium writes into the page, hence 'unsafe-inline'.
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}


def create_app(settings: Settings) -> FastAPI:
    """An application on the database and home that `settings` name; it opens connections only when asked."""
    app = FastAPI(title="网格 wangge", version="0.1.0", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.state.settings = settings
    app.state.engine = data.db.engine(settings.database_url)
    app.state.keyring = data.keyring.Keyring(settings.keys_folder)
    api.errors.install(app)
    app.middleware("http")(_mark)
    for routes in (api.routes.health, api.routes.areas, api.routes.coverage, api.routes.pages):
        app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


async def _mark(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Give every request a number of its own, and every answer the same safe headers."""
    request.state.request_id = secrets.token_hex(8)
    answer = await call_next(request)
    answer.headers.update(HEADERS | {"X-Request-Id": request.state.request_id})
    return answer
