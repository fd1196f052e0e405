"""Which open reports are offered as the same thing; metres laid out on the plane, scores worked by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis.crs
import gis.duplicates
from gis.categories import STARTER
from gis.duplicates import Sighting

NOW = datetime.fromisoformat("2026-03-02T09:00+08:00")
LON, LAT = 113.24, 23.12
FAMILIES = {code: each.family for code, each in STARTER.items()}


def reports(*rows: tuple[str, str, float, float, str]) -> gpd.GeoDataFrame:
    """(id, category, metres east, days ago, text)."""
    ids, categories, east, days, texts = zip(*rows, strict=True)
    metric = gis.crs.metric(LON, LAT)
    x, y = metric.forward(LON, LAT)
    lon, lat = metric.inverse(x + np.array(east), np.full(len(ids), float(y)))
    return gpd.GeoDataFrame(
        {"id": ids, "category": categories, "captured_at": [NOW - timedelta(days=n) for n in days], "text": texts,
         "status": "accepted"},
        geometry=shapely.points(lon, lat), crs=4326,
    )  # fmt: skip


def suggest(frame, category="litter", text="巷口堆放垃圾", **facts) -> pd.DataFrame:
    sighting = Sighting(STARTER[category], LON, LAT, NOW, text, **facts)
    return gis.duplicates.suggest(sighting, frame, families=FAMILIES)


def test_the_score_is_distance_times_category_times_time_times_text():
    """Litter: 50 m, 3 days. 10 m: 0.8; same category: 1; 0.75 days: 0.75; the same words: 1. Together 0.6."""
    found = suggest(reports(("a", "litter", 10, 0.75, "巷口 堆放垃圾。")))
    assert found["score"].tolist() == pytest.approx([0.6], abs=1e-4)
    assert found["metres"].tolist() == pytest.approx([10], abs=0.01)


def test_another_category_of_the_family_counts_half_and_another_family_a_fifth():
    found = suggest(reports(("a", "parking", 0, 0, "巷口堆放垃圾"), ("b", "lift", 0, 0, "巷口堆放垃圾")))
    assert found["by_category"].tolist() == [0.5, 0.2]


def test_nothing_in_common_halves_the_score():
    assert suggest(reports(("a", "litter", 0, 0, "noise at night")))["score"].tolist() == pytest.approx([0.5])


def test_what_is_beyond_its_distance_or_its_days_is_not_offered():
    frame = reports(("far", "litter", 50.1, 0, "巷口堆放垃圾"), ("old", "litter", 0, 3, "巷口堆放垃圾"))
    assert suggest(frame).empty


def test_a_vague_fix_looks_farther_but_not_without_end():
    """50 m and at most 50 m more."""
    frame = reports(("a", "litter", 70, 0, "巷口堆放垃圾"), ("b", "litter", 101, 0, "巷口堆放垃圾"))
    assert suggest(frame).empty
    assert suggest(frame, accuracy_m=2000.0)["id"].tolist() == ["a"]


def test_the_likeliest_comes_first_ties_by_id_and_five_at_most():
    frame = reports(
        *[(name, "litter", 5, 0, "巷口堆放垃圾") for name in "gfedcb"], ("a", "litter", 9, 0, "巷口堆放垃圾")
    )
    assert suggest(frame)["id"].tolist() == list("bcdef")


def test_missing_points_and_missing_texts_are_borne():
    frame = reports(("a", "litter", 0, 0, "x"), ("b", "litter", 0, 0, "y"))
    frame.loc[0, "geometry"] = None
    frame.loc[1, "text"] = None
    assert suggest(frame)["id"].tolist() == ["b"]
    assert suggest(frame.iloc[:0]).empty


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("井盖松动", "井盖松动", 1),
        ("井盖松动", "井盖破损", 1 / 5),  # 井盖 盖松 松动 | 井盖 盖破 破损: one of five
        ("井盖", "盖井", 0),
        ("ABC", "abc!", 1),
        ("字", "字", 0),  # too short to say
        ("哈哈哈哈", "哈哈", 1),  # each pair counts once
        ("𠮷祥楼", "𠮷祥楼里", 2 / 3),  # a letter beyond the first 65,536
        ("楼🏚塌", "楼塌", 1),  # a picture is no letter
        ("", "井盖", 0),
    ],
)
def test_likeness_of_texts(one: str, other: str, expected: float):
    assert gis.duplicates.alike(one, pd.Series([other])).tolist() == pytest.approx([expected])


def test_likeness_agrees_with_plain_sets():
    """A second method: sets of pairs, text by text."""
    texts = ["巷口堆放垃圾", "垃圾堆放在巷口", "路灯不亮", "", "巷口垃圾 垃圾巷口"]

    def pairs(text: str) -> set[str]:
        plain = "".join(text.split())
        return {plain[i : i + 2] for i in range(len(plain) - 1)}

    query = pairs("巷口的垃圾")
    expected = [len(pairs(text) & query) / max(1, len(pairs(text) | query)) for text in texts]
    assert gis.duplicates.alike("巷口的垃圾", pd.Series(texts)).tolist() == pytest.approx(expected)
