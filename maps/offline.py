"""A page that reaches nowhere: every address in it becomes a file of our own, or the page is refused.

folium names outside hosts for each script and style. The finished HTML is searched for them, since changes to header
children are undone by folium's next render. `served` points each one at `static/vendor/…`; `single` puts the file's
content in its place, so that one file opened from a stick shows everything.
"""

from __future__ import annotations

import base64
import mimetypes
import re
import tomllib
from functools import cache
from pathlib import Path

from gis.errors import Invalid, MissingPart

STATIC = Path(__file__).parent / "static"

_SCRIPT = re.compile(r'<script[^>]* src="(?P<url>[^"]+)"[^>]*></script>')
_STYLE = re.compile(r'<link rel="stylesheet" href="(?P<url>[^"]+)"\s*/?>')
_CSS_URL = re.compile(r"url\(\s*['\"]?(?!data:|#)([^'\")]+)['\"]?\s*\)")
_IMPORT = re.compile(r'^import (?P<names>\{[^}]*\}) from "\./(?P<file>[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:function|const) (\w+)", re.MULTILINE)
_OUTSIDE = re.compile(r'(?:src|href|action|poster)\s*=\s*["\'](?P<url>(?:https?:)?//[^"\']+)')


@cache
def vendored() -> dict[str, str]:
    """Our file for the end of each address that folium may name: `leaflet@1.9.3/dist/leaflet.js`."""
    listed = tomllib.loads((Path(__file__).parent / "vendor.toml").read_text(encoding="utf-8"))["file"]
    return {f"{row['package']}@{row['version']}/{row['path']}": f"vendor/{row['target']}" for row in listed}


def local(url: str) -> str:
    """The file below `static/` that stands for `url`; an address that we have no file for is refused."""
    if not re.match(r"(?:https?:)?//", url):
        return url.removeprefix("static/")
    for ending, target in vendored().items():
        if url.endswith("/" + ending):
            return target
    raise Invalid("maps.asset.unknown", url=url)


def served(html: str, *, static: str = "static") -> str:
    """The page with every script and style below the relative folder `static`."""

    def point(match: re.Match[str]) -> str:
        ours = f"{static}/{local(match['url'])}"
        return match[0].replace(f'"{match["url"]}"', f'"{ours}"')

    return _checked(_STYLE.sub(point, _SCRIPT.sub(point, html)))


def single(html: str) -> str:
    """The page with every script, style and picture inside it."""
    ours = served(html)
    with_scripts = _SCRIPT.sub(lambda found: _inline_script(local(found["url"]), "module" in found[0]), ours)
    return _STYLE.sub(lambda found: f"<style>{_style(local(found['url']))}</style>", with_scripts)


def files(html: str) -> set[str]:
    """The files below `static/` that a served page asks for, those asked for by its styles and modules included."""
    named = {local(found["url"]) for pattern in (_SCRIPT, _STYLE) for found in pattern.finditer(html)}
    return named.union(*(_asked_by(name) for name in named))


def read(name: str) -> bytes:
    """A file below `static/`; a script of others may be missing because the set-up has not run."""
    path = STATIC / name
    if not path.is_file():
        raise MissingPart("maps.asset.missing", file=name, command="./wangge up --no-serve")
    return path.read_bytes()


def _checked(html: str) -> str:
    """Whatever the patterns above did not know must not slip through; links that a person may follow are none of it."""
    left = _OUTSIDE.search(html)
    if left:
        raise Invalid("maps.asset.unknown", url=left["url"])
    return html


def _inline_script(name: str, is_module: bool) -> str:
    source = _joined(name) if is_module else read(name).decode()
    if "</script" in source.lower():
        raise ValueError(f"{name} would end its own tag")
    return f"<script{' type=module' if is_module else ''}>{source}</script>"


def _joined(entry: str) -> str:
    """A module and all it imports, as one: a page opened from a file may not load modules.

    Each becomes a function called once; what it exports stands under its own name for those after it.
    """
    folder = Path(entry).parent
    return "\n".join(_enclosed(name, read((folder / name).as_posix()).decode()) for name in modules(entry))


def _enclosed(name: str, source: str) -> str:
    exported = ", ".join(_EXPORT.findall(source))
    plain = _EXPORT.sub(lambda found: found[0].removeprefix("export "), source)
    inner = _IMPORT.sub(lambda found: f"const {found['names'].replace(' as ', ': ')} = {_scope(found['file'])};", plain)
    return f"const {_scope(name)} = (() => {{\n{inner}\nreturn {{ {exported} }};\n}})();"


def _scope(name: str) -> str:
    return f"module_{Path(name).stem}"


def modules(entry: str) -> list[str]:
    """The files that `entry` imports, and itself, each after those it needs."""
    folder, order = Path(entry).parent, []

    def visit(name: str) -> None:
        for found in _IMPORT.finditer(read((folder / name).as_posix()).decode()):
            if found["file"] not in order:
                visit(found["file"])
        if name not in order:
            order.append(name)

    visit(Path(entry).name)
    return order


def _style(name: str) -> str:
    folder = Path(name).parent
    return _CSS_URL.sub(lambda found: f"url({_as_data(folder / found[1])})", read(name).decode())


def _as_data(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(read(path.as_posix())).decode()}"


def _asked_by(name: str) -> set[str]:
    folder = Path(name).parent
    if name.endswith(".css"):
        return {(folder / found).as_posix() for found in _CSS_URL.findall(read(name).decode())}
    if name.startswith("vendor/"):
        return set()
    return {(folder / module).as_posix() for module in modules(name)}
