"""Who may walk where: the rules of OpenStreetMap tags, as tables.

A way is asked in this order and the first rule that speaks decides:

| rule | tag | the way is |
|---|---|---|
| `lifecycle` | highway = construction, proposed, razed … | closed, whatever else is said |
| `foot` | foot = no, private, military, use_sidepath | closed |
| – | foot = yes, designated, permissive, destination … | open |
| `class` | highway = motorway, motorway_link, trunk_link, raceway, busway … | closed |
| `motorroad` | motorroad = yes | closed |
| `access_no` `access_private` | access = no, military / private | closed |
| `ferry` | no highway, route = ferry | closed: a ferry is not walked |
| `no_class` | a highway value not in the table, or nothing that is walked | closed |
| – | any other highway, a platform, a square (place = square) | open |

Everything else leaves a way open: other values of `access` (destination, customers, agricultural …) speak to vehicles,
and `sidewalk=separate` leaves the road itself lawful unless `foot=use_sidepath` is said as well. A trunk_link with a
pavement tagged on it is open. Private compounds are closed with `access=private` and counted, so that a district can
see how much of its network depends on gates; `foot=yes` or `permissive` opens them.

A walk is two-way unless a tag says so for people on foot: `oneway:foot`, `foot:backward`, `foot:forward`, the direction
of an escalator, or `oneway` on a way that only people on foot use. What is not tagged is unknown, never guessed.

Tables of the tags: <https://wiki.openstreetmap.org/wiki/OSM_tags_for_routing/Access_restrictions> (worldwide row; the
values were written from memory of it, unchecked against today's page).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[Any]

#: Tags of a way that any rule here, or an edge of the network, looks at.
WAY_KEYS = (
    "highway", "name", "foot", "access", "area", "place", "route", "railway", "public_transport", "motorroad",
    "sidewalk", "oneway", "oneway:foot", "foot:backward", "foot:forward", "conveying", "bicycle", "step_count",
    "handrail", "ramp:wheelchair", "wheelchair", "bridge", "tunnel", "footway", "path", "crossing", "crossing:signals",
    "access:conditional", "foot:conditional", "incline",
)  # fmt: skip

#: Tags of a node that any rule here looks at.
NODE_KEYS = (
    "highway", "barrier", "foot", "access", "locked", "crossing", "crossing:signals", "kerb", "wheelchair", "ele",
)  # fmt: skip

LIFECYCLE = ("construction", "proposed", "planned", "razed", "demolished", "removed", "abandoned", "disused")
FOOT_CLOSED = ("no", "private", "military", "use_sidepath")
FOOT_OPEN = ("yes", "designated", "permissive", "official", "public", "destination", "customers", "permit", "delivery")
CLASS_CLOSED = ("motorway", "motorway_link", "trunk_link", "raceway", "bus_guideway", "busway", "escape")
CLASS_OPEN = (
    "footway", "path", "steps", "pedestrian", "corridor", "elevator", "platform", "living_street", "residential",
    "service", "unclassified", "road", "track", "tertiary", "tertiary_link", "secondary", "secondary_link",
    "primary", "primary_link", "trunk", "cycleway", "bridleway", "services", "rest_area", "crossing",
)  # fmt: skip
PAVED_SIDES = ("yes", "both", "left", "right")
#: Classes used by people on foot alone: a signal on them is a wait, and a plain `oneway` speaks to walkers.
FOOT_ONLY = ("footway", "path", "pedestrian", "steps", "corridor", "elevator", "platform", "crossing")
ONEWAY_FOOT = ("footway", "steps", "corridor")

#: Barriers on a node that stop a walker unless a tag opens them; any other barrier is passed unless a tag shuts it.
BARRIER_SHUT = (
    "wall", "fence", "city_wall", "hedge", "retaining_wall", "guard_rail", "cable_barrier", "wire_fence", "ditch",
)  # fmt: skip
#: Barriers and kerbs that a wheelchair cannot pass.
BARRIER_NO_WHEELS = ("stile", "horse_stile", "kissing_gate", "turnstile", "full-height_turnstile", "log", "debris")
KERB_NO_WHEELS = ("raised",)

#: Written as `area` by readers for one of several rims of a surface: what lies inside it may be a hole.
RIM = "rim"

MAX_STEPS = np.iinfo(np.int16).max


def plain(tags: pd.DataFrame, keys: tuple[str, ...]) -> pd.DataFrame:
    """The columns `keys` of a table of tags as text: lower case except `name`, "" where a tag is missing.

    Columns are categorical, since a tag has few values: a comparison then looks at numbers, not at texts.
    """
    return pd.DataFrame({key: _column(tags, key) for key in keys}, index=tags.index)


def closed(tags: pd.DataFrame) -> Texts:
    """Why a way may not be walked.

    Parameters
    ----------
    tags : DataFrame
        One row per way, made by `plain` with `WAY_KEYS`.

    Returns
    -------
    (w,) text
        "" where the way is open, else the name of the rule that closes it (first column of the table above).
    """
    highway, foot, access = tags["highway"], tags["foot"], tags["access"]
    walked = highway.isin(CLASS_OPEN) | _platform(tags) | ((highway == "") & (tags["place"] == "square"))
    rules = {
        "lifecycle": highway.isin(LIFECYCLE),
        "foot": foot.isin(FOOT_CLOSED),
        "ferry": (highway == "") & (tags["route"] == "ferry"),
        "": foot.isin(FOOT_OPEN) & (highway != ""),
        "class": highway.isin(CLASS_CLOSED) & ~((highway == "trunk_link") & tags["sidewalk"].isin(PAVED_SIDES)),
        "motorroad": tags["motorroad"] == "yes",
        "access_no": access.isin(("no", "military")),
        "access_private": access == "private",
        "no_class": ~(walked | highway.isin(CLASS_CLOSED)),
    }
    return np.select([rule.to_numpy() for rule in rules.values()], list(rules), default="").astype(object)


def is_square(tags: pd.DataFrame) -> Bools:
    """(w,) True where a way is the rim of a surface and not a line to be followed."""
    return may_cross(tags) | (tags["area"] == RIM).to_numpy()


def may_cross(tags: pd.DataFrame) -> Bools:
    """(w,) True where the way alone is the rim of a whole surface: what lies inside may be crossed."""
    named = (tags["highway"] == "") & (tags["place"] == "square") & (tags["area"] != RIM)
    return ((tags["area"] == "yes") | named).to_numpy()


def foot_only(tags: pd.DataFrame) -> Bools:
    """(w,) True where only people on foot go, so that a signal on the way is a wait."""
    return (tags["highway"].isin(FOOT_ONLY) | _platform(tags)).to_numpy()


def oneway(tags: pd.DataFrame) -> npt.NDArray[np.int8]:
    """(w,) 1 where a walker may only go as the way is drawn, -1 only against it, 0 both ways."""
    said = tags["oneway:foot"]
    unspoken = said == ""
    own = tags["highway"].isin(ONEWAY_FOOT) & ~tags["bicycle"].isin(FOOT_OPEN) & unspoken
    forward = (
        said.isin(("yes", "1", "true"))
        | (unspoken & (tags["foot:backward"] == "no"))
        | (own & (tags["oneway"].isin(("yes", "1", "true")) | (tags["conveying"] == "forward")))
    )
    backward = (
        (said == "-1")
        | (unspoken & (tags["foot:forward"] == "no"))
        | (own & ((tags["oneway"] == "-1") | (tags["conveying"] == "backward")))
    )
    return np.select([forward, backward], [1, -1], default=0).astype(np.int8)


def steps(tags: pd.DataFrame) -> npt.NDArray[np.int16]:
    """(w,) number of steps on the whole way: 0 where it is no flight of steps, -1 where nobody counted them."""
    count = pd.to_numeric(tags["step_count"].astype(object), errors="coerce").to_numpy(dtype=float)
    known = np.where((count >= 1) & (count <= MAX_STEPS), count, -1.0)
    return np.where(tags["highway"] == "steps", known, 0.0).astype(np.int16)


def wheelchair(tags: pd.DataFrame) -> Texts:
    """(w,) "yes", "no" or "unknown"; "limited" is unknown, steps are "no" unless a ramp or a tag says otherwise."""
    said = tags["wheelchair"]
    ramp = tags["ramp:wheelchair"].isin(("yes", "separate"))
    stairs = (tags["highway"] == "steps") & (said == "")
    no = (said == "no") | (stairs & ~ramp)
    yes = said.isin(("yes", "designated")) | (stairs & ramp)
    return np.select([no, yes], ["no", "yes"], default="unknown").astype(object)


def lift(tags: pd.DataFrame) -> Bools:
    """(w,) True where the way, or the node, is a lift."""
    return (tags["highway"] == "elevator").to_numpy()


def raised(tags: pd.DataFrame, key: str) -> Bools:
    """(w,) True where `key` (bridge, tunnel) is tagged with anything but no."""
    return (~tags[key].isin(("", "no"))).to_numpy()


def conditional(tags: pd.DataFrame) -> Bools:
    """(w,) True where access depends on the hour: not modelled, so counted."""
    return ((tags["access:conditional"] != "") | (tags["foot:conditional"] != "")).to_numpy()


def crossing_lines(tags: pd.DataFrame) -> Bools:
    """(w,) True where the way itself is drawn as the crossing of a road."""
    return ((tags["footway"] == "crossing") | (tags["path"] == "crossing") | (tags["highway"] == "crossing")).to_numpy()


def signalled(tags: pd.DataFrame) -> Bools:
    """(n,) True where a crossing, node or way, has lights to wait for."""
    return ((tags["crossing"] == "traffic_signals") | (tags["crossing:signals"] == "yes")).to_numpy()


def lights(tags: pd.DataFrame) -> Bools:
    """(n,) True where a node has lights: those of a crossing, or of the road where a way for walkers meets it."""
    return signalled(tags) | (tags["highway"] == "traffic_signals").to_numpy()


def shut(tags: pd.DataFrame) -> Bools:
    """(n,) True where a barrier on a node stops a walker."""
    foot, access = tags["foot"], tags["access"]
    opened = foot.isin(FOOT_OPEN)
    barred = access.isin(("no", "private", "military")) | (tags["locked"] == "yes")
    rule = foot.isin(FOOT_CLOSED) | (~opened & (barred | (tags["barrier"].isin(BARRIER_SHUT) & (access == ""))))
    return ((tags["barrier"] != "") & rule).to_numpy()


def kerb_stops_wheels(tags: pd.DataFrame) -> Bools:
    """(n,) True where a wheelchair cannot cross the road, or use the lift, at a node."""
    said, kerb = tags["wheelchair"], tags["kerb"]
    place = (kerb != "") | tags["highway"].isin(("crossing", "elevator"))
    return ((kerb.isin(KERB_NO_WHEELS) & ~said.isin(("yes", "designated"))) | (place & (said == "no"))).to_numpy()


def barrier_stops_wheels(tags: pd.DataFrame) -> Bools:
    """(n,) True where a barrier that walkers pass stops a wheelchair."""
    said, barrier = tags["wheelchair"], tags["barrier"]
    hard = barrier.isin(BARRIER_NO_WHEELS) & ~said.isin(("yes", "designated"))
    return (hard | ((barrier != "") & (said == "no"))).to_numpy()


def _column(tags: pd.DataFrame, key: str) -> pd.Categorical:
    """One column made plain; the work is done once per distinct value, of which there are few."""
    absent = np.full(len(tags), None, dtype=object)
    codes, values = pd.factorize(tags[key].to_numpy(dtype=object) if key in tags.columns else absent)
    texts = [str(value).strip() if key == "name" else str(value).strip().lower() for value in values]
    categories, number = np.unique(np.array([*texts, ""], dtype=object), return_inverse=True)
    return pd.Categorical.from_codes(number[codes], categories=pd.Index(categories))


def _platform(tags: pd.DataFrame) -> pd.Series:
    stands = (tags["railway"] == "platform") | (tags["public_transport"] == "platform")
    return (tags["highway"] == "") & stands
