"""Who works here and on what base: totals that the project's seed document states, spread over the areas.

Persons are numbers only. A table's sums are the stated figures whatever the scale of the sample.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.samples import official
from data.samples.blocks import Ints

ELDER_SHARE = 0.244
SOCIAL_WORKERS = 913
ORGANISATIONS, COMMUNITY_ORGANISATIONS = 615, 336
VOLUNTEERS, TEAMS, ACTIVITIES, HOURS = 15_772, 164, 7_575, 354_000


def tables(
    grid_codes: np.ndarray, elders: pd.Series, *, since: pd.Timestamp, rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """All registers; `elders` aged 60+ by street code."""
    return {
        "population": _population(elders),
        "assignments": _assignments(grid_codes, since, rng),
        "social_workers": _social_workers(elders, rng),
        "organisations": _organisations(rng),
        "volunteer_teams": _teams(elders, rng),
    }


def _population(elders: pd.Series) -> pd.DataFrame:
    """Registered persons per street, such that 60+ are 24.4 per cent of all; a street is a little older or younger."""
    codes = official.streets()["code"].to_numpy()
    aged = elders.reindex(codes, fill_value=0).to_numpy()
    tilt = 1 + 0.08 * np.cos(np.arange(len(codes)))
    registered = _shared(round(int(aged.sum()) / ELDER_SHARE), aged / tilt)
    return pd.DataFrame({"street_code": codes, "registered": registered, "elders_60": aged, "synthetic": True})


def _shared(total: int, weight: np.ndarray) -> Ints:
    """Whole numbers in proportion to `weight` that sum to `total` (largest remainders)."""
    exact = total * weight / weight.sum()
    whole: Ints = np.floor(exact).astype(np.int64)
    whole[np.argsort(whole - exact, kind="stable")[: total - int(whole.sum())]] += 1
    return whole


def _assignments(grid_codes: np.ndarray, since: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Every grid has one head (网格长), one to three inspectors (网格员) and some building heads (楼长)."""
    inspectors, stairs = rng.choice([1, 2, 3], len(grid_codes), p=[0.6, 0.3, 0.1]), rng.integers(0, 5, len(grid_codes))
    duty = np.repeat(["网格长", "网格员", "楼长"], [len(grid_codes), inspectors.sum(), stairs.sum()])
    area = np.concatenate([grid_codes, np.repeat(grid_codes, inspectors), np.repeat(grid_codes, stairs)])
    started = since - pd.to_timedelta(rng.integers(0, 1_500, len(area)), unit="D")
    return pd.DataFrame({
        "person_id": [f"S-{number:05d}" for number in range(1, len(area) + 1)],
        "role": "inspector",
        "duty": duty,
        "area_code": area,
        "valid_from": started.date,
        "synthetic": True,
    })  # fmt: skip


def _social_workers(elders: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    codes = official.streets()["code"].to_numpy()
    each = _shared(SOCIAL_WORKERS, np.sqrt(elders.reindex(codes, fill_value=0).to_numpy() + 500.0))
    return pd.DataFrame({
        "person_id": [f"W-{number:04d}" for number in range(1, SOCIAL_WORKERS + 1)],
        "street_code": np.repeat(codes, each),
        "source": rng.choice(["本土", "进驻"], SOCIAL_WORKERS, p=[0.4, 0.6]),
        "synthetic": True,
    })  # fmt: skip


def _organisations(rng: np.random.Generator) -> pd.DataFrame:
    """336 of 615 are community organisations: 54.6 per cent."""
    community = np.arange(ORGANISATIONS) < COMMUNITY_ORGANISATIONS
    home = rng.choice(official.communities()["code"].to_numpy(), ORGANISATIONS)
    return pd.DataFrame({
        "organisation_id": [f"O-{number:04d}" for number in range(1, ORGANISATIONS + 1)],
        "name": [f"合成社会组织{number:03d}" for number in range(1, ORGANISATIONS + 1)],
        "community_organisation": community,
        "community_code": np.where(community, home, ""),
        "grade": rng.choice(["", "3A", "4A", "5A"], ORGANISATIONS, p=[0.6, 0.2, 0.14, 0.06]),
        "synthetic": True,
    })  # fmt: skip


def _teams(elders: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    codes = official.streets()["code"].to_numpy()
    each = _shared(TEAMS, elders.reindex(codes, fill_value=0).to_numpy() + 2_000.0)
    size = rng.gamma(3.0, 1.0, TEAMS) + 0.3
    effort = size * rng.uniform(0.6, 1.4, TEAMS)
    return pd.DataFrame({
        "team_id": [f"V-{number:03d}" for number in range(1, TEAMS + 1)],
        "street_code": np.repeat(codes, each),
        "volunteers": _shared(VOLUNTEERS, size),
        "activities": _shared(ACTIVITIES, effort),
        "hours": _shared(HOURS, effort),
        "synthetic": True,
    })  # fmt: skip
