"""The unit with which systemd keeps `wangge up` running: started at boot, and again whenever it dies."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from api.cli.terminal import words
from api.settings import ROOT, Settings

#: Passwords stand in no unit, which everybody may read.
SECRETS = Path("/etc/wangge.env")
#: `mixed`: `up` is asked to stop and ends its children itself. `continue`: a child that ran out of memory is started
#: again by `up`, and does not take the rest with it. No private /tmp: a database with a long path has its socket there.
#: No ban on making memory executable: numba compiles.
UNIT = """\
# {about}
[Unit]
Description=wangge
Wants=network-online.target
After=network-online.target postgresql.service
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
WorkingDirectory={folder}
Environment={environment}
EnvironmentFile=-{secrets}
ExecStart={command} up --host {host} --port {port}
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec=90
OOMPolicy=continue
LimitNOFILE=65536
NoNewPrivileges=yes
{powers}ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectClock=yes
ProtectHostname=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


def unit(settings: Settings, *, host: str, port: int, user: str = "") -> str:
    """The text for this checkout or installation, its home and its user."""
    user = user or getpass.getuser()
    said = {"WANGGE_HOME": settings.home, "WANGGE_LANG": settings.lang}
    return UNIT.format(
        about=words("up.unit.about", secrets=SECRETS),
        user=user,
        folder=_plain(ROOT),
        environment=" ".join(_quoted(f"{name}={value}") for name, value in said.items()),
        secrets=SECRETS,
        command=" ".join(_quoted(each).replace("$", "$$") for each in _program()),
        host=host,
        port=port,
        powers=_powers(user, port),
    )


def _powers(user: str, port: int) -> str:
    """None but for a small port; root becomes the user of the database itself, and needs its powers for that."""
    if user == "root":
        return ""
    bind = "CAP_NET_BIND_SERVICE"
    return f"CapabilityBoundingSet={bind}\nAmbientCapabilities={bind}\n" if port < 1024 else "CapabilityBoundingSet=\n"


def _program() -> list[str]:
    """The launcher of a checkout, which makes what is missing; else the Python that we run in."""
    launcher = ROOT / "wangge"
    return [str(launcher)] if launcher.is_file() else [sys.executable, "-P", "-m", "api.cli"]


def _plain(path: Path) -> str:
    """A path as systemd takes it without quotes."""
    return str(path).replace("%", "%%")


def _quoted(word: str) -> str:
    """A word as systemd reads it back: in quotes. `$` means something in a command only."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
