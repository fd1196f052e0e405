"""The unit that `wangge up --unit` prints is one that systemd takes."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.cli.unit import unit
from api.settings import Settings


def told(text: str) -> configparser.ConfigParser:
    """As INI, in which no name of a section stands twice; systemd's own names are in both cases."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(text)
    return parser


@pytest.mark.parametrize("home", ["/srv/wangge", "/srv/网 格/100% $home"])
def test_it_starts_us_at_boot_and_again_whenever_we_die(home):
    made = told(unit(Settings(home=Path(home)), host="127.0.0.1", port=8000, user="wangge"))
    service = made["Service"]
    assert made.sections() == ["Unit", "Service", "Install"]
    assert (service["Restart"], service["KillMode"], service["OOMPolicy"]) == ("always", "mixed", "continue")
    assert made["Unit"]["StartLimitIntervalSec"] == "0"
    assert service["ExecStart"].endswith("up --host 127.0.0.1 --port 8000")
    assert service["Environment"].startswith(f'"WANGGE_HOME={home.replace("%", "%%")}"')
    assert service["CapabilityBoundingSet"] == ""
    assert made["Install"]["WantedBy"] == "multi-user.target"


def test_a_small_port_brings_the_one_power_it_needs_and_root_keeps_its_own():
    small = told(unit(Settings(home=Path("/srv/w")), host="::", port=443, user="wangge"))["Service"]
    assert small["CapabilityBoundingSet"] == small["AmbientCapabilities"] == "CAP_NET_BIND_SERVICE"
    assert (
        "CapabilityBoundingSet" not in told(unit(Settings(home=Path("/w")), host="::", port=80, user="root"))["Service"]
    )


def test_no_secret_stands_in_it():
    settings = Settings(
        home=Path("/srv/w"), database_url="postgresql://o:hush@h/d", metrics_key="hush", door_url="hush"
    )
    assert "hush" not in unit(settings, host="127.0.0.1", port=8000)


def test_systemd_finds_no_fault_in_it(tmp_path):
    """By systemd itself where it is installed; elsewhere by the form of each line."""
    file = tmp_path / "wangge.service"
    file.write_text(unit(Settings(home=tmp_path / "网 格 100%"), host="127.0.0.1", port=8000, user="root"))
    if program := shutil.which("systemd-analyze"):
        done = subprocess.run([program, "verify", "--man=no", str(file)], capture_output=True, text=True, check=False)
        about_us = [line for line in done.stderr.splitlines() if "wangge.service" in line]
        assert (about_us, done.returncode) == ([], 0), done.stderr
    for line in file.read_text().splitlines():
        assert re.fullmatch(r"|#.*|\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.*", line), line
