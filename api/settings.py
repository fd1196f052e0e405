"""All of WANGGE_*: read here, at the door, and passed inward as arguments."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gis.errors import Invalid

ROOT = Path(__file__).resolve().parent.parent
SECOND_FACTOR = {"off": (), "admin": ("admin",), "staff": ("admin", "street", "community")}


@dataclass(frozen=True)
class Settings:
    """How this installation is run."""

    #: WANGGE_HOME: where the private database, logs and outputs are kept.
    home: Path
    #: WANGGE_DATABASE_URL: a PostGIS database of the owner's own; empty: the private cluster in `home`.
    database_url: str = field(default="", repr=False)
    #: WANGGE_DOOR_URL: the same database as `wangge_login`, who may do nothing unless a verified caller is named.
    door_url: str = field(default="", repr=False)
    #: WANGGE_LANG: `zh` or `en`; else the language of the system.
    lang: str = "zh"
    #: WANGGE_HOST and WANGGE_PORT: where `up` serves.
    host: str = "127.0.0.1"
    port: int = 8000
    #: WANGGE_PUBLIC_URL: how others reach us, such as https://wangge.example.cn: what links in answers begin with.
    public_url: str = ""
    #: WANGGE_DEBUG: show the whole trace of an unexpected error in the terminal.
    debug: bool = False
    #: WANGGE_KEYS: the folder of what signs tokens and encrypts names; `keys` in the home when unsaid.
    keys: Path | None = None

    #: WANGGE_RATE_PERSON and WANGGE_RATE_ADDRESS: requests a minute, by token or key and by address without; 0: any.
    rate_person: int = 1200
    rate_address: int = 3000
    #: WANGGE_REPORTS_A_DAY: how many reports one person or partner may file on one day; 0: any.
    reports_a_day: int = 500
    #: WANGGE_CITIZEN_REPORTS: `on` lets people without an account file reports; WANGGE_CITIZEN_REPORTS_A_DAY: how many
    #: on one day from all of them together.
    citizen_reports: bool = False
    citizen_reports_a_day: int = 200
    #: WANGGE_METRICS_KEY: what opens /metrics to other machines; empty: this machine alone.
    metrics_key: str = field(default="", repr=False)

    #: WANGGE_WEBHOOK_HOSTS: names of our own network that webhooks may be sent to, with commas between them.
    webhook_hosts: frozenset[str] = frozenset()
    #: WANGGE_WEBHOOK_CA: a file of certificates (PEM) that those who receive webhooks may be vouched for by, too.
    webhook_ca: Path | None = None

    #: WANGGE_SECOND_FACTOR: who logs in with a second factor: `off` nobody has to, `admin` administrators, `staff` the
    #: staff of streets and communities too.
    second_factor: str = "off"

    #: WANGGE_OIDC_ISSUER, _AUDIENCE, _CLIENT and _CLAIM: a provider whose tokens open too, for whom, and which claim of
    #: theirs is the login; nothing outside is asked unless an issuer is named.
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_client: str = ""
    oidc_claim: str = "preferred_username"

    @property
    def keys_folder(self) -> Path:
        """Where the secrets of this installation are, which no backup of the database holds."""
        return self.keys or self.home / "keys"

    @property
    def second_factor_roles(self) -> tuple[str, ...]:
        """The roles in which nobody acts without a second factor."""
        return SECOND_FACTOR[self.second_factor]

    @property
    def private(self) -> bool:
        """Whether the database is the cluster we keep ourselves."""
        return not self.database_url


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings an environment asks for."""

    def said(name: str, otherwise: str = "") -> str:
        return environment.get(f"WANGGE_{name}", "").strip() or otherwise

    return Settings(
        home=Path(said("HOME", str(_home(environment)))).expanduser().absolute(),
        database_url=_with_driver(said("DATABASE_URL")),
        door_url=_with_driver(said("DOOR_URL")),
        lang=language(environment),
        host=said("HOST", Settings.host),
        port=_port(said("PORT", str(Settings.port))),
        public_url=_origin(said("PUBLIC_URL")),
        debug=said("DEBUG") not in ("", "0"),
        rate_person=_count("RATE_PERSON", said("RATE_PERSON", str(Settings.rate_person))),
        rate_address=_count("RATE_ADDRESS", said("RATE_ADDRESS", str(Settings.rate_address))),
        reports_a_day=_count("REPORTS_A_DAY", said("REPORTS_A_DAY", str(Settings.reports_a_day))),
        citizen_reports=_one_of("CITIZEN_REPORTS", said("CITIZEN_REPORTS", "off"), ("on", "off")) == "on",
        citizen_reports_a_day=_count(
            "CITIZEN_REPORTS_A_DAY", said("CITIZEN_REPORTS_A_DAY", str(Settings.citizen_reports_a_day))
        ),
        metrics_key=said("METRICS_KEY"),
        webhook_hosts=frozenset(name.strip().lower() for name in said("WEBHOOK_HOSTS").split(",")) - {""},
        second_factor=_one_of("SECOND_FACTOR", said("SECOND_FACTOR", Settings.second_factor), SECOND_FACTOR),
        webhook_ca=Path(said("WEBHOOK_CA")).expanduser().absolute() if said("WEBHOOK_CA") else None,
        oidc_issuer=said("OIDC_ISSUER"),
        oidc_audience=said("OIDC_AUDIENCE"),
        oidc_client=said("OIDC_CLIENT"),
        oidc_claim=said("OIDC_CLAIM", Settings.oidc_claim),
        keys=Path(said("KEYS")).expanduser().absolute() if said("KEYS") else None,
    )


def _home(environment: Mapping[str, str]) -> Path:
    """`.wangge` in the checkout; an installed package keeps its things with the user's."""
    if (ROOT / "pyproject.toml").exists():
        return ROOT / ".wangge"
    return Path(environment.get("XDG_DATA_HOME") or "~/.local/share") / "wangge"


def _with_driver(url: str) -> str:
    """SQLAlchemy wants the driver said; everybody else writes postgres:// or postgresql://."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg2://{rest}" if separator and scheme in ("postgres", "postgresql") else url


def _origin(value: str) -> str:
    """A scheme and a host, and nothing after them: whatever is served begins at the root."""
    parts = urlsplit(value)
    try:
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    rest = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if value and (not fine or rest or not value.isascii()):
        raise Invalid("settings.public_url", value=value)
    return value.rstrip("/")


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 2**16):
        raise Invalid("settings.port", value=value)
    return int(value)


def _count(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Invalid("settings.count", name=f"WANGGE_{name}", value=value)
    return int(value)


def _one_of(name: str, value: str, known: Collection[str]) -> str:
    if value not in known:
        raise Invalid("settings.one_of", name=f"WANGGE_{name}", value=value, known=list(known))
    return value


def language(environment: Mapping[str, str] = os.environ) -> str:
    """Chinese, unless we are told English or the system speaks it."""
    names = ("WANGGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    said = next((environment[name] for name in names if environment.get(name)), "")
    return "en" if said.lower().startswith("en") else "zh"
