"""Words for people, in Chinese and English: one TOML file per noun, one table per key.

    ["areas.overlap"]
    zh = "网格 {codes} 互相重叠。"
    en = "Grids {codes} overlap."

A key is said once in the whole folder; placeholders are the fact names of `gis.errors`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources

LANGUAGES = ("zh", "en")

Words = dict[str, dict[str, str]]


def files() -> dict[str, Words]:
    """What stands in each file, by file name."""
    folder = resources.files(__package__)
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name: tomllib.loads((folder / name).read_text(encoding="utf-8")) for name in names}


@cache
def words() -> Words:
    """All keys of all files; a key that two files say is an error of ours."""
    merged: Words = {}
    for name, said in files().items():
        twice = merged.keys() & said.keys()
        if twice:
            raise ValueError(f"maps/texts/{name} says again: {', '.join(sorted(twice))}")
        merged.update(said)
    return merged


def has(key: str) -> bool:
    """Whether there are words for `key`."""
    return key in words()


def say(key: str, lang: str, /, **facts: object) -> str:
    """The sentence of `key` in `lang`, with its facts filled in.

    A refusal must reach its reader even when its words lag behind: an unknown key or a missing fact shows the key and
    the facts as they are, instead of hiding the first error behind a second. Unknown languages get Chinese.
    """
    said = words().get(key, {})
    template = said.get(lang) or said.get("zh")
    if template is None:
        return _bare(key, facts)
    try:
        return template.format_map({name: _shown(fact) for name, fact in facts.items()})
    except (KeyError, ValueError, IndexError, AttributeError):
        return f"{template} [{_bare(key, facts)}]"


def _bare(key: str, facts: dict[str, object]) -> str:
    return " ".join([key, *(f"{name}={_shown(fact)}" for name, fact in facts.items())])


def _shown(fact: object) -> object:
    """Lists as people write them; everything else formats itself, so `{lon:.5f}` works."""
    if isinstance(fact, str) or not isinstance(fact, Iterable) or isinstance(fact, dict):
        return fact
    return ", ".join(str(part) for part in fact)
