"""What goes in by COPY is what psycopg2 and geopandas read back, for every type and for missing values."""

from __future__ import annotations

from datetime import UTC, date, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geoalchemy2 import Geometry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL, UUID

import data.db
from data.copying import CHUNK, UNINDEXED_FROM, copy, fetch
from data.tables import household
from gis.errors import Invalid, Refusal

pytestmark = pytest.mark.database

EVERY = Table(
    "every_type", MetaData(),
    Column("i2", SmallInteger), Column("i4", Integer), Column("i8", BigInteger), Column("f4", REAL),
    Column("f8", Float(53)), Column("flag", Boolean), Column("words", Text), Column("day", Date),
    Column("moment", DateTime(timezone=True)), Column("uuid", UUID(as_uuid=False)), Column("facts", JSONB),
    Column("numbers", ARRAY(REAL)), Column("counts", ARRAY(Integer)), Column("names", ARRAY(Text)),
    Column("point", Geometry("POINT", 4326, spatial_index=False)),
    Column("shape", Geometry("GEOMETRY", 4326, spatial_index=False)),
    prefixes=["TEMPORARY"],
)  # fmt: skip
NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def table(session):
    EVERY.create(session.connection())
    return EVERY


def read(session: data.db.Session, what: str) -> list[object]:
    """By psycopg2, one value at a time: the plain truth."""
    with session.connection().connection.driver_connection.cursor() as cursor:
        cursor.execute(f"SELECT {what} FROM every_type")
        return [row[0] for row in cursor]


@pytest.mark.parametrize(
    ("column", "values", "kept"),
    [
        ("i2", [-32768, 0, 32767], [-32768, 0, 32767]),
        ("i2", np.array([1.0, np.nan, 3.0]), [1, None, 3]),
        ("i4", pd.array([1, None, -(2**31)], dtype="Int64"), [1, None, -(2**31)]),
        ("i8", [None, 2**62 + 1, -1], [None, 2**62 + 1, -1]),
        ("i8", pd.array([2**62 + 1, None], dtype="Int64"), [2**62 + 1, None]),
        ("f8", np.array([0.1, np.nan, -np.inf]), [0.1, None, -np.inf]),
        ("f4", np.array([0.5, np.inf], np.float32), [0.5, np.inf]),
        ("flag", [True, False], [True, False]),
        ("flag", pd.array([True, None, False], dtype="boolean"), [True, None, False]),
        ("flag", np.array([None, True], object), [None, True]),
        ("words", ["网格员", "", None, "a\tb\\N\n\"'"], ["网格员", "", None, "a\tb\\N\n\"'"]),
        ("words", pd.Series(["a", np.nan, "b"]), ["a", None, "b"]),
        ("words", pd.Categorical(["x", None, "y"]), ["x", None, "y"]),
        ("day", [date(1999, 12, 31), None, date(2026, 11, 22)], [date(1999, 12, 31), None, date(2026, 11, 22)]),
        ("day", pd.to_datetime(["2026-11-22", None]), [date(2026, 11, 22), None]),
        ("moment", [NOON, None], [NOON, None]),
        ("moment", pd.Series([NOON, pd.NaT]).dt.tz_convert("Asia/Shanghai"), [NOON, None]),
        ("uuid", ["6549151f-e4ac-4019-92ee-d0cb0fda9cd3"], ["6549151f-e4ac-4019-92ee-d0cb0fda9cd3"]),
        ("facts", ['{"a": [1, "网"]}', None], [{"a": [1, "网"]}, None]),
        ("numbers", np.array([[1.5, np.inf], [-2.0, 0.0]]), [[1.5, np.inf], [-2.0, 0.0]]),
        ("numbers", [[1.5], [], None, [2.5, 3.5]], [[1.5], [], None, [2.5, 3.5]]),
        ("counts", np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ("names", np.array([["甲", None], ["", "b"]], object), [["甲", None], ["", "b"]]),
        ("names", [["a"], [], None], [["a"], [], None]),
    ],
)
def test_values_come_back_as_they_went_in(session, table, column, values, kept):
    assert copy(session, table, {column: values}) == len(kept)
    assert read(session, "uuid::text" if column == "uuid" else column) == kept


def test_geometries_equal_those_that_geopandas_writes_one_by_one(session, table):
    """Points by shapely and by coordinates, a line, a polygon with a hole, a multipolygon, and a missing one."""
    hole = shapely.box(0, 0, 3, 3) - shapely.box(1, 1, 2, 2)
    shapes = [
        shapely.Point(113.2, 23.1),
        shapely.LineString([(0, 0), (1, 1)]),
        hole,
        shapely.MultiPolygon([hole]),
        None,
    ]
    copy(session, table, {"shape": gpd.GeoSeries(shapes, crs=4326)})
    frame = gpd.GeoDataFrame({"shape": shapes[:4]}, geometry="shape", crs=4326)
    frame.to_postgis("by_geopandas", session.connection())
    ours = read(session, "shape::text")
    theirs = session.scalars(text('SELECT shape::text FROM "by_geopandas"')).all()
    assert ours == [*theirs, None]


def test_points_may_come_as_coordinates_and_nan_is_none(session, table):
    copy(session, table, {"point": np.array([[113.2, 23.1], [np.nan, np.nan]])})
    assert read(session, "ST_AsEWKT(point)") == ["SRID=4326;POINT(113.2 23.1)", None]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            st.one_of(
                st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
            ),
            st.one_of(st.none(), st.lists(st.one_of(st.none(), st.text("ab网", max_size=3)), max_size=3)),
        ),
        max_size=30,
    )
)
def test_any_mixture_of_missing_and_present_values_comes_back(session, table, rows):
    session.execute(text("TRUNCATE every_type"))
    numbers, words, names = ([row[at] for row in rows] for at in range(3))
    copy(
        session,
        table,
        {"i8": pd.array(numbers, dtype="Int64"), "words": pd.Series(words, dtype=object), "names": names},
    )
    assert read(session, "i8") == numbers
    assert read(session, "words") == words
    assert read(session, "names") == names


def test_one_very_long_value_does_not_make_all_others_slow_or_wrong(session, table):
    """A text longer than a whole chunk among short ones: it stands in a chunk of its own."""
    words = ["a"] * 5000 + ["b" * (CHUNK + 1)] + ["c"] * 5000
    copy(session, table, {"words": words, "i4": np.arange(len(words))})
    assert session.scalar(text("SELECT sum(length(words)) FROM every_type")) == 10_000 + CHUNK + 1
    assert session.scalar(text("SELECT count(*) FROM every_type WHERE words = 'c' AND i4 > 5000")) == 5000


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("i2", [40_000]), ("i4", [1.5]), ("flag", [2]), ("words", [1]), ("moment", [datetime(2026, 1, 1)]),  # noqa: DTZ001
        ("uuid", ["not one"]), ("shape", ["POINT(0 0)"]),
    ],
)  # fmt: skip
def test_a_value_that_would_not_survive_is_refused_by_column(session, table, column, values):
    with pytest.raises(Invalid, match=r"store\.value") as refused:
        copy(session, table, {column: values})
    assert refused.value.facts["column"] == column


def test_columns_of_unequal_length_are_refused(session, table):
    with pytest.raises(Refusal, match=r"store\.columns"):
        copy(session, table, {"i4": [1, 2], "i8": [1]})


def test_no_rows_are_no_trouble(session, table):
    assert copy(session, table, {"i4": [], "words": [], "names": [], "shape": []}) == 0
    assert fetch(session, "SELECT i4, words FROM every_type").shape == (0, 2)


def test_what_is_fetched_has_the_types_of_its_columns(session, table):
    """Texts with commas, quotes and line ends; a missing count makes the column Int64, else it is int64."""
    columns = {"i4": [1, 2], "i8": pd.array([1, None], dtype="Int64"), "f8": [0.1, np.inf], "flag": [True, None],
               "words": ['a,"b"\nc', ""], "day": [date(2026, 1, 2)] * 2, "moment": [NOON, NOON]}  # fmt: skip
    copy(session, table, columns)
    asked = "SELECT i4, i8, f8, flag, words, day, moment FROM every_type WHERE words <> %(no)s"
    frame = fetch(session, asked, {"no": "'; DROP TABLE every_type; --"})
    assert frame["i4"].dtype == "int64"
    assert frame["i8"].tolist() == [1, pd.NA]
    assert frame["f8"].tolist() == [0.1, np.inf]
    assert frame["flag"].tolist() == [True, pd.NA]
    assert frame["words"].tolist() == ['a,"b"\nc', ""]
    assert frame["day"].tolist() == [date(2026, 1, 2)] * 2
    assert frame["moment"].tolist() == [NOON, NOON]


def test_a_big_first_load_leaves_every_index_as_it_was(session):
    """Its indexes are dropped and built again; a second load finds them in place and keeps them."""
    asked = text("SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
                 " WHERE indrelid = 'household'::regclass AND indisvalid ORDER BY 1")  # fmt: skip
    before = session.execute(asked).all()
    for load in range(2):
        refs = [f"{load}-{row}" for row in range(UNINDEXED_FROM)]
        columns = {"ref": refs, "elders": np.ones(len(refs), int), "synthetic": np.ones(len(refs), bool)}
        copy(session, household, columns | {"grid_code": ["A"] * len(refs)})
        assert session.execute(asked).all() == before
