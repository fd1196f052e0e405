"""What the house says to people: every refusal has its words, in both languages, and none is said twice."""

from __future__ import annotations

import ast
import string
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import gis.errors
import maps.texts

ROOT = Path(__file__).parents[2]
ROOMS = ("gis", "data", "maps", "api")
REFUSALS = {
    name for name, kind in vars(gis.errors).items() if isinstance(kind, type) and issubclass(kind, gis.errors.Refusal)
}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in our code, with the place where it stands."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def refusals() -> list[tuple[str, str, set[str] | None]]:
    """Where, which code, and which facts (None: not to be told from the source)."""
    found = []
    for place, call in calls():
        code = call.args[0] if call.args else None
        if name_of(call) in REFUSALS and isinstance(code, ast.Constant):
            facts = {keyword.arg for keyword in call.keywords}
            known = None if None in facts else {fact for fact in facts if fact}
            found.append((place, str(code.value), known))
    return found


def placeholders(sentence: str) -> set[str]:
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_refusal_has_its_words():
    silent = sorted({f"{place} {code}" for place, code, _ in refusals() if not maps.texts.has(code)})
    assert not silent, "no words in maps/texts for:\n" + "\n".join(silent)


def test_there_are_refusals_to_check():
    assert len(refusals()) > 5


@pytest.mark.parametrize("key", sorted(maps.texts.words()))
def test_a_text_says_the_same_in_both_languages(key: str):
    """Both are there, neither is empty, and both use the same facts."""
    said = maps.texts.words()[key]
    assert set(said) == set(maps.texts.LANGUAGES)
    assert all(text.strip() for text in said.values())
    assert placeholders(said["zh"]) == placeholders(said["en"])


def test_a_refusal_brings_every_fact_that_its_words_use():
    """`BadRows` counts its faults itself; a code raised with `**facts` cannot be told from the source."""
    lacking = [
        f"{place} {code}: {sorted(missing)}"
        for place, code, facts in refusals()
        if facts is not None and maps.texts.has(code)
        for missing in [placeholders(maps.texts.words()[code]["zh"]) - facts - {"faults_count"}]
        if missing
    ]
    assert not lacking, "\n".join(lacking)


def test_no_key_is_said_in_two_files():
    counted: dict[str, list[str]] = {}
    for file, said in maps.texts.files().items():
        for key in said:
            counted.setdefault(key, []).append(file)
    assert {key: files for key, files in counted.items() if len(files) > 1} == {}


def test_keys_that_nobody_uses_are_listed():
    """Only a warning: a key may be put together from parts."""
    source = "".join(
        path.read_text(encoding="utf-8")
        for room in ROOMS
        for pattern in ("*.py", "*.js", "*.html")
        for path in (ROOT / room).rglob(pattern)
        if "vendor" not in path.parts
    )
    left = sorted(key for key in maps.texts.words() if not _named(key.removeprefix("page."), source))
    if left:
        warnings.warn(f"texts that nobody says: {', '.join(left)}", stacklevel=1)
    assert len(left) < len(maps.texts.words())


def _named(key: str, source: str) -> bool:
    """Written out, or put together from a beginning (`f"help.{name}"`) that ends at one of its dots."""
    parts = key.split(".")
    beginnings = (".".join(parts[:count]) for count in range(1, len(parts)))
    return key in source or any(f"{start}.{{" in source or f"{start}.${{" in source for start in beginnings)


def test_an_unknown_key_shows_itself_and_its_facts():
    assert maps.texts.say("no.such.key", "zh", codes=["a", "b"]) == "no.such.key codes=a, b"


def test_a_missing_fact_does_not_hide_the_message():
    said = maps.texts.say("maps.asset.unknown", "en")
    assert said.startswith("The map page names")


def test_an_unknown_language_gets_chinese():
    assert maps.texts.say("page.level.street", "fr") == "街道"


def test_numbers_format_themselves(monkeypatch: pytest.MonkeyPatch):
    words = {"at": {"zh": "位于 {lon:.3f}", "en": "at {lon:.3f}"}}
    monkeypatch.setattr(maps.texts, "words", lambda: words)
    assert maps.texts.say("at", "en", lon=113.24567) == "at 113.246"
