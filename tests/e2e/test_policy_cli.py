"""What the owner asks of the engine beside a plain run: under a scenario, at an hour, by a clause, on a map.

The town is that of `test_planning_cli`: homes at 100 (1 elder), 700 (2), 900 (4), 1,100 (8) and 1,900 m (16), canteens
at 0 and 2,100 m.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from e2e.test_planning_cli import Type, at, own_town, town, typed, wangge, whole

__all__ = ["own_town", "town", "typed", "wangge"]

pytestmark = pytest.mark.database


def test_a_household_is_explained_under_a_scenario(wangge: Type) -> None:
    """h4 at 1,100: 1,000 m from the nearer canteen; a new one at 1,000 is 100 m away."""
    kept = wangge("whatif", "--add", f"canteen@{at(1000)}", "--save", "one more", "--json")["scenario_id"]
    before = wangge("coverage", "explain", "h4", "--kind", "canteen", "--json")
    after = wangge("coverage", "explain", "h4", "--kind", "canteen", "--scenario", kept, "--json")
    assert (before["verdicts"]["standard"], after["verdicts"]["standard"]) == ("uncovered", "covered")
    assert after["walks"][0]["facility_id"] == "new-1"
    assert after["walks"][0]["metres"] == pytest.approx(100, abs=0.5)


def test_a_household_is_explained_at_an_hour(wangge: Type) -> None:
    """f1 opens at noon only: at noon h1 walks there, at midnight nothing within 1,800 s is open to her."""
    kept = wangge("whatif", "--hours", "f1=Mo-Su 11:00-13:00", "--save", "noon", "--json")["scenario_id"]
    asked = ("coverage", "explain", "h1", "--kind", "canteen", "--scenario", kept, "--json")
    noon, night = (wangge(*asked, "--at", time) for time in ("2026-03-02T12:00:00", "2026-03-02T00:30:00"))
    assert noon["verdicts"]["standard"] == "covered"
    assert night["verdicts"]["standard"] != "covered"


def test_a_day_is_any_time_of_it(wangge: Type, typed: Any) -> None:
    """f1 opens on weekdays at noon: h1 walks there on a Monday, not on a Sunday; what is no time is refused by name."""
    kept = wangge("whatif", "--hours", "f1=Mo-Fr 11:00-13:00", "--save", "weekdays", "--json")["scenario_id"]
    asked = ("coverage", "explain", "h1", "--kind", "canteen", "--scenario", kept, "--json")
    told = {
        day: wangge(*asked, "--at", day)["verdicts"]["standard"] for day in ("2026-03-02", "周一", "2026-03-08", "Su")
    }
    assert [verdict == "covered" for verdict in told.values()] == [True, True, False, False]
    assert wangge(*asked, "--at", "周一 12:00")["verdicts"]["standard"] == "covered"
    wangge(*asked, "--at", "today")
    run = wangge("coverage", "run", "--kind", "canteen", "--at", "2026-03-02", "--json")
    assert run["parameters"]["at"] == "2026-03-02"
    status, _, err = typed(*asked, "--at", "noon")
    assert status == 2
    assert "The time noon cannot be read." in " ".join(err.split())


def test_the_band_of_a_figure_is_that_of_the_scenario(wangge: Type) -> None:
    """17 of 31 elders are covered today, 31 of 31 with a canteen at 1,000."""
    kept = wangge("whatif", "--add", f"canteen@{at(1000)}", "--save", "one more", "--json")["scenario_id"]
    asked = ("coverage", "uncertainty", "--kind", "canteen", "--draws", 5, "--json")
    assert wangge(*asked)["rate"] == pytest.approx(17 / 31)
    assert wangge(*asked, "--scenario", kept)["rate"] == pytest.approx(1.0)


def test_a_policy_radius_is_quoted_with_its_source_and_decided_by(wangge: Type) -> None:
    """750 m in a straight line: h1 (100) and h2 (700) from f1, h5 (200) from f2: 19 of 31. One at 1,000 adds 12."""
    source = "测试文件〔2026〕1号 第5条：服务半径不超过750米"
    wangge("coverage", "policy", "set", "--kind", "canteen", "--metres", 750, "--source", source)
    quoted = wangge("coverage", "policy", "list", "--json")["policies"]
    assert quoted == [{"code": "canteen", "policy_radius_m": 750.0, "policy_source": source}]
    made = wangge("coverage", "run", "--kind", "canteen", "--json")
    assert made["kinds"]["canteen"]["policy"]["covered"] == 19
    tried = whole(wangge("whatif", "--add", f"canteen@{at(1000)}", "--json")["totals"], rule="policy")
    assert (tried["covered_before"], tried["covered"], tried["gained"], tried["lost"]) == (19, 31, 12, 0)
    wangge("coverage", "policy", "clear", "--kind", "canteen")
    assert wangge("coverage", "policy", "list", "--json")["policies"] == []


@pytest.mark.parametrize("source", ["", "   ", "?"])
def test_a_policy_radius_without_a_source_is_refused(typed, source: str) -> None:
    words = ("coverage", "policy", "set", "--kind", "canteen", "--metres", 750)
    status, _, err = typed(*words, "--source", source)
    assert status == 1
    assert "--source" in err
    assert typed(*words)[0] == 2
    status, _, err = typed(*words[:4], "palace", *words[5:], "--source", "a clause that was read")
    assert status == 1
    assert "palace" in err


def facts_of(page: str, name: str) -> dict:
    """One JSON block of a page."""
    block = re.search(rf'<script type="application/json" id="wangge-{name}">(.*?)</script>', page, re.DOTALL)
    assert block
    return json.loads(block[1])


def test_the_map_of_a_scenario_draws_its_facilities_and_says_so(wangge: Type, home: Path) -> None:
    """f1 closes, new-1 comes: the page shows f2 and new-1, and says that this is not how things are."""
    changed = ("whatif", "--add", f"canteen@{at(1000)}", "--close", "f1", "--save", "moved", "--json")
    kept = wangge(*changed)["scenario_id"]
    run = wangge("coverage", "run", "--kind", "canteen", "--scenario", kept, "--json")["run_id"]
    home.mkdir(exist_ok=True)
    for options in ((), ("--catchments",)):
        wangge("map", "coverage", run, "--kind", "canteen", "-o", home / "map.html", "--single-file", *options)
        page = (home / "map.html").read_text("utf-8")
        assert sorted(facts_of(page, "facilities")["id"]) == ["f2", "new-1"]
        assert facts_of(page, "page")["run"]["scenario"] == {"id": kept, "name": "moved"}
        assert '<strong class="mark scenario">' in page
        assert sorted(facts_of(page, "catchments")["kind"]) == ["canteen"] * 2 * len(options)
        assert ('data-layer="catchments"' in page) == bool(options)
    plain = wangge("coverage", "run", "--kind", "canteen", "--json")["run_id"]
    wangge("map", "coverage", plain, "--kind", "canteen", "-o", home / "map.html", "--single-file")
    page = (home / "map.html").read_text("utf-8")
    assert sorted(facts_of(page, "facilities")["id"]) == ["f1", "f2"]
    assert '<strong class="mark scenario">' not in page
