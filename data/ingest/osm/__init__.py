"""OpenStreetMap extracts (.osm.pbf, .osm) read with pyosmium: what is in them, as our frames. WGS84 always.

What is walked, and how ways are cut, is known by `gis.walkways`; which tags make a care facility or a home stands in
`data/ingest/osm_tags.toml`.
"""

from data.ingest.osm.borders import Boundaries, boundaries, parents
from data.ingest.osm.places import Found, buildings, care
from data.ingest.osm.reading import ATTRIBUTION, data_date
from data.ingest.osm.streets import walknet, ways

__all__ = [
    "ATTRIBUTION",
    "Boundaries",
    "Found",
    "boundaries",
    "buildings",
    "care",
    "data_date",
    "parents",
    "walknet",
    "ways",
]
