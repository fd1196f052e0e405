"""The pages: the map of the newest run at `/`, and the documentation of the API."""

from __future__ import annotations

from fastapi import APIRouter, Query, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

import data.coverage
from api.deps import Session
from api.errors import language

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, session: Session, lang: str | None = Query(None, pattern="^(zh|en)$")) -> HTMLResponse:
    """The newest run of things as they are, on a map; without a run, what to do to get one."""
    import api.actions.maps  # folium takes a second to import, and the server should answer before that
    import maps.pages

    spoken = lang or language(request)
    newest = data.coverage.search(session, tried=False, limit=1)
    if not newest:
        return HTMLResponse(maps.pages.empty(lang=spoken))
    home_dir = request.app.state.settings.home
    return HTMLResponse(
        api.actions.maps.kept_page(session, newest[0]["run_id"], lang=spoken, folder=home_dir / "pages")
    )


@router.get("/docs")
def docs() -> HTMLResponse:
    """Swagger UI from our own files."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="wangge API",
        swagger_js_url="/static/vendor/swagger-ui-bundle.js",
        swagger_css_url="/static/vendor/swagger-ui.css",
        swagger_favicon_url="/static/favicon.svg",
    )
