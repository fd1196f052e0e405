"""Every refusal has a status, words in both languages, and never repeats what was sent."""

from __future__ import annotations

import inspect

import pytest

import api.errors
import gis.errors
import maps.texts


def family() -> list[type[gis.errors.Refusal]]:
    classes = [found for _, found in inspect.getmembers(gis.errors, inspect.isclass)]
    return [found for found in classes if issubclass(found, gis.errors.Refusal) and found is not gis.errors.Refusal]


def test_every_class_of_refusal_has_a_status():
    assert set(api.errors.STATUS) == set(family())


@pytest.mark.parametrize("status", sorted({*api.errors.STATUS.values(), 400, 404, 405, 413, 422, 500}))
def test_every_status_has_words_in_both_languages(status: int):
    zh, en = (maps.texts.say(f"http.{status}", lang) for lang in ("zh", "en"))
    assert zh != en
    assert not zh.startswith("http.")
