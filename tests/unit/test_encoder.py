"""What comes out of the encoder: pictures and nothing else, upright, small, and never what could not be decoded."""

from __future__ import annotations

import io
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

import api.encoding
import gis.photos
from worlds import pictures


@pytest.fixture
def encode(tmp_path: Path):
    """Encodes some bytes; what was found, and the picture of each size."""

    def run(content: bytes) -> tuple[api.encoding.Found, dict[str, bytes]]:
        original = tmp_path / "original"
        original.write_bytes(content)
        with ExitStack() as opened:
            files = {size: opened.enter_context((tmp_path / size).open("wb")) for size in gis.photos.SIDES}
            found = api.encoding.encode(original, files)
        return found, {size: (tmp_path / size).read_bytes() for size in gis.photos.SIDES}

    return run


@pytest.mark.parametrize("name", pictures.HOSTILE)
def test_a_hostile_picture_is_refused_with_its_reason_and_gives_no_byte(encode, name):
    make, reason = pictures.HOSTILE[name]
    found, made = encode(make())
    assert found.refused == reason
    assert set(made.values()) == {b""}


@pytest.mark.parametrize("name", pictures.SHOWN)
def test_an_honest_picture_becomes_a_jpeg_of_pixels_only(encode, name):
    """Neither its maker, place, profile and comment are left, nor what was hung on behind it."""
    found, made = encode(pictures.SHOWN[name]())
    assert (found.refused, found.width, found.height) == (None, 64, 48)
    for content in made.values():
        with Image.open(io.BytesIO(content)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 48))
            assert dict(image.getexif()) == {}
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            left, right = (image.getpixel((x, 24)) for x in (8, 56))
            assert name == "grey" or (left[0] > 200 > 60 > left[2] and right[2] > 200 > 60 > right[0])
        assert b"script" not in content
        assert b"PK\x03\x04" not in content
        assert content.endswith(b"\xff\xd9")


def test_a_bomb_is_small_to_send():
    """144 megapixels in less than 20 KB: the limit is asked before anything is decoded."""
    assert len(pictures.bomb()) < 20_000


@pytest.mark.parametrize(("orientation", "turned"), [(3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90)])
def test_a_picture_is_shown_upright(encode, orientation, turned):
    """The camera was held otherwise and says so: what it stored is turned back, red is on the left again."""
    stored = pictures.seen().transpose(turned)
    found, made = encode(pictures.written(stored, exif=pictures.exif(orientation=orientation), quality=100))
    assert (found.width, found.height) == (64, 48)
    with Image.open(io.BytesIO(made["large"])) as image:
        assert image.getpixel((8, 24))[0] > 200


def test_a_large_picture_is_made_smaller_and_a_small_one_is_not_made_larger(encode):
    """4000 x 3000 fits into 1600 and 320 as 1600 x 1200 and 320 x 240."""
    found, made = encode(pictures.written(pictures.seen(4000, 3000)))
    assert (found.width, found.height) == (1600, 1200)
    assert Image.open(io.BytesIO(made["small"])).size == (320, 240)


def test_sixteen_bits_are_scaled_and_what_is_see_through_is_white(encode):
    """0x4000 of 0xffff is 64 of 255."""
    for content, wanted in ((pictures.sixteen_bits(), 64), (pictures.see_through(), 255)):
        with Image.open(io.BytesIO(encode(content)[1]["large"])) as image:
            assert all(abs(band - wanted) <= 2 for band in image.getpixel((4, 4)))


def test_place_and_time_are_read_before_they_are_taken_out(encode):
    found, made = encode(pictures.written(pictures.seen(), exif=pictures.exif()))
    assert (found.lon, found.lat) == (pytest.approx(pictures.LON), pytest.approx(pictures.LAT))
    assert found.taken_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert b"Phone" not in made["large"]


def test_a_place_that_is_none_was_not_written(encode):
    found, _ = encode(pictures.written(pictures.seen(), exif=pictures.exif(lon=999.0)))
    assert (found.refused, found.lon, found.lat) == (None, None, None)


def test_a_picture_that_asks_for_too_much_memory_ends_its_own_process_only(encode):
    """40 megapixels with colours and transparency are allowed and take some 0.5 GB; they are still encoded."""
    found, _ = encode(pictures.written(Image.new("RGBA", (8000, 5000)), "PNG", compress_level=1))
    assert found.refused is None


def test_the_encoder_imports_nothing_of_ours_and_needs_nothing_around_it():
    source = Path(api.encoding.ENCODER).read_text(encoding="utf-8")
    assert not [line for line in source.splitlines() if line.startswith(("import", "from")) and
                line.split()[1].split(".")[0] in ("api", "data", "gis", "maps", "socket", "urllib")]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "offset", "moment"),
    [
        ("2026:01:01 08:00:00", "+08:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026:01:01 08:00:00", "", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026:01:01 08:00:00", "+00:00", datetime(2026, 1, 1, 8, tzinfo=UTC)),
        ("0000:00:00 00:00:00", "", None),
        ("    :  :     :  :  ", "   :  ", None),
        ("2026-01-01", "", None),
    ],
)
def test_a_time_without_an_offset_is_chinas_and_an_unreadable_one_is_none(written, offset, moment):
    assert gis.photos.taken_at(written, offset) == moment
