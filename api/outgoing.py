"""Requests of ours to addresses that somebody else gave us: only to where they may go, and never waiting for long.

A name may mean one address when it is checked and another when it is used, so the connection goes to the very address
that was checked; the certificate is still asked for the name. Nothing is read of an answer but its status, and a
redirect is not followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx

from gis.errors import Invalid

LONGEST_URL = 2000
CONNECT_S, TOTAL_S = 5.0, 15.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: Of IPv6, what is given out as unicast, without the ranges that carry an IPv4 address inside.
UNICAST = ipaddress.IPv6Network("2000::/3")
CARRIERS = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("2002::/16"))


@dataclass(frozen=True)
class Target:
    """An address that has been checked: the parts of its URL, and the IP address to connect to."""

    parts: SplitResult
    address: Address

    @property
    def url(self) -> str:
        """The URL with the IP address in the place of the name."""
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        port = f":{self.parts.port}" if self.parts.port else ""
        return self.parts._replace(netloc=host + port, fragment="").geturl()


@dataclass(frozen=True)
class Answer:
    """The status that came back, or why none did."""

    status: int | None
    reason: str | None = None

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def target(url: str, *, hosts: Collection[str]) -> Target:
    """Where a URL leads; refused unless that is the outside world, by https, or one of our own `hosts`."""
    parts = _parts(url)
    own = (parts.hostname or "") in hosts
    found = _addresses(parts)
    if not own and not all(_public(each) for each in found):
        raise Invalid("webhooks.private")
    if parts.scheme == "http" and not (own and all(each.is_loopback for each in found)):
        raise Invalid("webhooks.scheme")
    return Target(parts, found[0])


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, hosts: Collection[str], ca: Path | None = None
) -> Answer:
    """Send it once; whatever goes wrong is an answer, too. `ca` vouches for receivers besides whom the system knows."""
    try:
        return asyncio.run(_post(target(url, hosts=hosts), body, headers, _trusting(ca)))
    except Invalid as refused:
        return Answer(None, refused.code)
    except TimeoutError:
        return Answer(None, "timeout")
    except (httpx.HTTPError, ssl.SSLError, OSError) as error:
        return Answer(None, type(error).__name__)


def _trusting(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except OSError:
            raise Invalid("webhooks.ca") from None
    return context


async def _post(to: Target, body: bytes, headers: Mapping[str, str], trusting: ssl.SSLContext) -> Answer:
    limits = httpx.Timeout(TOTAL_S, connect=CONNECT_S)
    own = {"Host": to.parts.netloc.rpartition("@")[2], **headers}
    name = {"sni_hostname": to.parts.hostname or ""}
    async with (
        asyncio.timeout(TOTAL_S),  # httpx knows only limits for each step
        httpx.AsyncClient(verify=trusting, trust_env=False, timeout=limits) as client,
        client.stream("POST", to.url, content=body, headers=own, extensions=name) as answer,
    ):
        return Answer(answer.status_code)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fine = bool(parts.hostname) and parts.port != 0 and parts.username is None and not parts.fragment
    except ValueError:
        fine = False
    if not fine or len(url) > LONGEST_URL or not url.isascii() or any(each <= " " for each in url):
        raise Invalid("webhooks.url")
    if parts.scheme not in ("https", "http"):
        raise Invalid("webhooks.scheme")
    return parts


def _addresses(parts: SplitResult) -> list[Address]:
    """All addresses that the name has at this moment."""
    try:
        told = socket.getaddrinfo(parts.hostname, parts.port or parts.scheme, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Invalid("webhooks.unknown_host") from None
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in told]


def _public(address: Address) -> bool:
    """Whether it is somebody's in the outside world, and nobody's of this machine, this network or this cloud."""
    if isinstance(address, ipaddress.IPv6Address):
        return address in UNICAST and address.is_global and not any(address in each for each in CARRIERS)
    return address.is_global and not address.is_multicast
