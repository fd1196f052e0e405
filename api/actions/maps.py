"""Maps of kept runs: the page, the print, and the page kept ready for the server."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

import api.actions.coverage
import api.actions.exports
import data.areas
import data.basemap
import data.coverage
import data.facilities
import data.provenance
import data.walknet
import gis.scenarios
from gis.errors import Invalid

if TYPE_CHECKING:
    import data.db
    import maps.pages

#: What an area brings to the page beside its figures.
OUTLINE = ["code", "name", "parent_code", "grid_kind", "geometry"]


def page(
    session: data.db.Session,
    run_id: int,
    *,
    lang: str = "zh",
    exact: bool = False,
    level: str | None = None,
    kind: str | None = None,
    catchments: bool = False,
) -> maps.pages.CoveragePage:
    """Everything that the map of one run shows.

    Published figures unless `exact`, which is for the owner of the machine and says so on the page. `catchments` asks
    for their outlines too, which takes some seconds to draw.
    """
    import maps.pages

    run = data.coverage.get(session, run_id)
    levels = data.coverage.levels(session, run_id)
    if level not in (None, *levels):
        raise Invalid("maps.level", level=level, known=levels)
    return maps.pages.CoveragePage(
        areas={name: _figures(session, run, name, exact=exact, kind=kind) for name in levels},
        facilities=_facilities(session, run, kind),
        catchments=api.actions.exports.catchments(session, run) if catchments else None,
        water=data.basemap.frame(session, what="water"),
        walk_lines=data.walknet.lines(session, run["walknet_id"]),
        run=_facts(session, run),
        kinds=_kinds(session),
        lang=lang,
        exact=exact,
        level=level,
        kind=kind,
    )


def _facilities(session: data.db.Session, run: dict[str, Any], kind: str | None) -> gpd.GeoDataFrame:
    """Those that are open: as they are or, where the run tried a scenario, as it leaves them."""
    found = data.facilities.frame(session)
    changes = [gis.scenarios.from_dict(change) for change in run["parameters"].get("scenario", {}).get("changes", ())]
    if changes:
        areas = data.areas.frame(session, level="street", as_of=run["as_of"])
        found = api.actions.coverage.changed(found, changes, areas=areas)
    wanted = found["kind"].eq(kind) if kind and kind != "circle" else found["kind"].ne("")
    return found[wanted & found["status"].eq("open")].reset_index(drop=True)


def kept_page(session: data.db.Session, run_id: int, *, lang: str, folder: Path) -> str:
    """The page of a run as the server shows it, drawn once and then read from `folder`.

    A run never changes; its page is drawn anew when the program or the catalogue of facilities does.
    """
    import maps.edition
    import maps.pages

    edition = f"{maps.edition.edition()}{data.facilities.changed_at(session)}"
    stamp = hashlib.sha256(edition.encode()).hexdigest()[:16]
    kept = folder / f"coverage-{run_id}-{lang}-{stamp}.html"
    if not kept.exists():
        html = maps.pages.home(page(session, run_id, lang=lang), lang=lang)
        folder.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}.part")
        draft.write_text(html, encoding="utf-8")
        draft.replace(kept)
    return kept.read_text(encoding="utf-8")


#: Colours of a picture for the screen: flat map colours need no more, and the file is a tenth as large.
SCREEN_COLOURS = 64


def write(page: maps.pages.CoveragePage, path: Path, *, single_file: bool = False, width_px: int | None = None) -> None:
    """Write a page or a print; the ending of the file says which. `width_px` makes a light picture for the screen."""
    if path.suffix.lower() in (".png", ".pdf"):
        import maps.printed

        maps.printed.coverage(page, path, width_px=width_px, colours=SCREEN_COLOURS if width_px else None)
    elif path.suffix.lower() == ".html":
        import maps.pages

        maps.pages.write(page, path, single_file=single_file)
    else:
        raise Invalid("maps.ending", ending=path.suffix, known=[".html", ".png", ".pdf"])


def _figures(
    session: data.db.Session, run: dict[str, Any], level: str, *, exact: bool, kind: str | None
) -> gpd.GeoDataFrame:
    """The outlines of a level as they stood for the run, each with its figures; areas without any stay."""
    outlines = data.areas.frame(session, level=level, as_of=run["as_of"])[OUTLINE]
    read = api.actions.coverage.figures if exact else data.coverage.published
    figures = read(session, run["run_id"], level=level, kind=kind)
    joined = outlines.merge(figures.drop(columns="name", errors="ignore"), on="code", how="left")
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=outlines.crs)


def _facts(session: data.db.Session, run: dict[str, Any]) -> dict[str, object]:
    shown = {name: run[name] for name in ("run_id", "data_date", "synthetic", "created_at")}
    asked = {name: _whole(run["parameters"][name]) for name in ("minutes", "metres")}
    tried = run["parameters"].get("scenario")
    return {
        **shown,
        **asked,
        "scenario": tried and {"id": tried["id"], "name": tried["name"]},
        "verdicts": run["parameters"]["verdicts"],
        "attribution": data.provenance.attributions(session),
    }


def _whole(limit: float) -> float:
    """10, not 10.0: people read it."""
    return int(limit) if limit == int(limit) else limit


def _kinds(session: data.db.Session) -> dict[str, tuple[str, str]]:
    catalogue: pd.DataFrame = data.facilities.kinds(session)
    columns = (catalogue[name].astype(str) for name in ("code", "name_zh", "name_en"))
    return {code: (zh, en) for code, zh, en in zip(*columns, strict=True)}
