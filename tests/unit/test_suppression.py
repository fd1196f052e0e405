"""What is published, worked out by hand; the figures given here are those of the drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

import gis.crs
import gis.disclosure
from worlds.drawn import SECRET, drawn, figure


def publish(**rows: tuple[int, int, int]) -> pd.DataFrame:
    """Areas with their drawn covered, uncovered and unknown."""
    counted = pd.DataFrame([*rows.values()], columns=list(gis.disclosure.COUNTS), index=range(10, 10 + len(rows)))
    counted = counted.assign(code=list(rows), level="x", kind="clinic", verdict="standard")
    return gis.disclosure.publish(counted, SECRET).set_index("code")


def shown(table: pd.DataFrame, code: str) -> list[object]:
    row = table.loc[code, ["elders", "covered", "uncovered", "unknown"]]
    return [None if pd.isna(value) else int(value) for value in row]


def test_a_household_is_in_the_draw_when_its_keyed_hash_is_in_the_lowest_three_quarters():
    """The definition once more, with whole numbers of Python."""
    refs = [f"户{number}" for number in range(200)]
    assert gis.disclosure.drawn(refs, SECRET).tolist() == [drawn(ref) for ref in refs]
    assert gis.disclosure.drawn([], SECRET).tolist() == []


def test_three_quarters_are_drawn_and_another_secret_draws_others():
    """Of 40,000 independent draws 30,000 are expected, 87 the standard deviation; two draws agree on 5/8."""
    one, other = (gis.disclosure.drawn(range(40_000), secret * 32) for secret in (b"a", b"b"))
    assert abs(one.sum() - 30_000) < 5 * 87
    assert abs((one == other).mean() - 5 / 8) < 0.02


def test_one_drawn_elder_stands_for_four_thirds_moved_by_up_to_seven_and_rounded_to_five():
    """All counts up to 200 of one area; nobody is not shown."""
    for count in range(11, 200):
        assert shown(publish(A=(count, 0, 0)), "A") == [figure("A", count)] * 2 + [None, None]


def test_a_figure_is_moved_up_and_down_alike():
    """The mean of 64,000 differences of two numbers from 0 to 7 is 0 within 5 of its deviations, 3.24 / 253."""
    codes = pd.Series([f"{number}" for number in range(1000)])
    counts = np.tile(np.arange(640, 704), (1000, 1))
    made = np.column_stack(gis.disclosure.figures(codes, counts, SECRET)).astype(float)
    off = made - counts * 4 / 3
    assert abs(off.mean()) < 5 * 3.6 / 253
    assert abs(off).max() <= 7 + 2.5


def test_ten_drawn_elders_are_hidden_and_eleven_are_shown():
    """Hiding goes by figure: ten of 21 are hidden although 11 and 21 are not."""
    assert shown(publish(A=(10, 11, 0)), "A") == [figure("A", 21), None, figure("A", 11), None]


def test_a_rate_is_a_class_of_twenty_points_from_twenty_drawn_elders_on():
    """15 of 30 is in [0.4, 0.6), 30 of 30 in the last class, which holds 1; 19 is too few; 4 of 20 is the second."""
    table = publish(A=(15, 15, 0), B=(30, 0, 0), C=(11, 8, 0), D=(4, 16, 0), E=(3, 17, 0))
    assert table["rate_low"].fillna(-1).tolist() == [0.4, 0.8, -1, 0.2, 0]
    assert table["rate_high"].fillna(-1).tolist() == [0.6, 1.0, -1, 0.4, 0.2]


def test_rows_outside_every_area_are_left_out_and_the_order_is_kept():
    counted = pd.DataFrame({"level": "x", "kind": ["b", "a", "b"], "verdict": "standard", "code": ["A", "A", ""],
                            "covered": 50, "uncovered": 50, "unknown": 0})  # fmt: skip
    table = gis.disclosure.publish(counted, SECRET)
    assert table[["kind", "code"]].to_numpy().tolist() == [["b", "A"], ["a", "A"]]
    assert list(table) == list(gis.disclosure.PUBLISHED)


def test_nothing_counted_is_nothing_published():
    empty = pd.DataFrame(columns=["level", "kind", "verdict", "code", *gis.disclosure.COUNTS])
    assert gis.disclosure.publish(empty, SECRET).empty


def test_a_change_is_published_from_community_up_where_at_least_eleven_drawn_come_or_go():
    """Ten gained and nothing lost is a row that is not there."""
    rows = [
        ("grid", "g", 33, 11, 22, 0), ("community", "c", 33, 11, 22, 0), ("community", "e", 10, 0, 10, 0),
        ("street", "s", 12, 24, 0, 12), ("street", "", 90, 0, 90, 0),
    ]  # fmt: skip
    changes = pd.DataFrame(rows, columns=["level", "code", "covered", "covered_before", "gained", "lost"])
    made = gis.disclosure.published_changes(changes.assign(kind="clinic", verdict="standard"), SECRET)
    assert list(made) == list(gis.disclosure.CHANGES)
    assert made["code"].tolist() == ["c", "s"]
    figures = [[None if pd.isna(value) else value for value in made[name]] for name in gis.disclosure.CHANGES[4:]]
    assert figures == [
        [figure("c", 33), figure("s", 12)], [figure("c", 11), figure("s", 24)],
        [figure("c", 22), None], [None, figure("s", 12)],
    ]  # fmt: skip


def test_a_pin_of_a_planner_stands_on_a_lattice_of_a_hundred_metres():
    """Zone 49 of UTM at Liwan: what lies less than 50 m away in both axes comes to the same point, others do not."""
    metric = gis.crs.Metric(32649)
    lon, lat = metric.inverse([730_049.0, 729_951.0, 730_051.0, np.nan], [2_558_020.0, 2_557_960.0, 2_558_020.0, 0.0])
    x, y = metric.forward(*gis.disclosure.place(lon, lat, srid=32649))
    assert np.allclose(x[:3], [730_000, 730_000, 730_100], atol=1e-3)
    assert np.allclose(y[:3], 2_558_000, atol=1e-3)
    assert np.isnan(x[3])
