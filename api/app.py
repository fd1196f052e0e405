"""The web application: routes, problem documents and headers, put together."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

import api.errors
import api.kept
import api.routes.areas
import api.routes.audit
import api.routes.catalogue
import api.routes.changes
import api.routes.confirmations
import api.routes.coverage
import api.routes.facilities
import api.routes.health
import api.routes.households
import api.routes.identity
import api.routes.keys
import api.routes.ogc
import api.routes.open311
import api.routes.orders
import api.routes.pages
import api.routes.people
import api.routes.photos
import api.routes.reports
import api.routes.scenarios
import api.routes.siting
import api.routes.tiles
import api.routes.token
import api.routes.webhooks
import data.db
import data.keyring
from api.door import Door
from api.door.rates import Citizens
from api.metrics import Metrics
from api.oidc import Provider
from api.settings import Settings
from gis.errors import Invalid

STATIC = Path(__file__).resolve().parent.parent / "maps" / "static"

#: Tried in this order for each request: what phones send comes first.
ROUTES = (
    api.routes.reports,
    api.routes.photos,
    api.routes.health,
    api.routes.areas,
    api.routes.coverage,
    api.routes.orders,
    api.routes.facilities,
    api.routes.households,
    api.routes.scenarios,
    api.routes.siting,
    api.routes.pages,
    api.routes.token,
    api.routes.people,
    api.routes.keys,
    api.routes.confirmations,
    api.routes.identity,
    api.routes.audit,
    api.routes.ogc,
    api.routes.tiles,
    api.routes.open311,
    api.routes.changes,
    api.routes.webhooks,
    api.routes.catalogue,
)


def create_app(settings: Settings) -> FastAPI:
    """An application on the database and home that `settings` name; it opens connections only when asked."""
    app = FastAPI(
        title="网格 wangge",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=api.errors.RESPONSES,
    )
    app.state.settings = settings
    #: Requests come in by a role without rights, and there is no other way in. `wangge up` sees to it that this is so;
    #: whoever makes an application by hand, as tests do, may do without.
    door_url = settings.door_url or settings.database_url
    citizens_a_day = settings.citizen_reports_a_day if settings.citizen_reports else 0
    app.state.door = data.db.engine(door_url, reports_a_day=settings.reports_a_day, citizens_a_day=citizens_a_day)
    app.state.citizens = Citizens(open_=citizens_a_day > 0)
    app.state.kept = api.kept.Kept(app.state.door)
    app.state.keyring = data.keyring.Keyring(settings.keys_folder)
    app.state.provider = _provider(settings)
    api.errors.install(app)
    app.state.metrics = Metrics(app.state.door)
    app.add_middleware(Door, settings=settings, metrics=app.state.metrics)
    for routes in ROUTES:
        app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _provider(settings: Settings) -> Provider | None:
    """Who else may vouch for somebody, if the settings name one."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_audience:
        raise Invalid("settings.oidc")
    return Provider(settings.oidc_issuer, settings.oidc_audience, settings.oidc_client, settings.oidc_claim)
