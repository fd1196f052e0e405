"""A photo is on the disk before it is acknowledged, and a full disk loses nothing: seen on the real server, as root.

    python tests/bench/full_disk.py

1. Order: strace shows, for an acknowledged photo, fsync of the file, rename, fsync of each folder, COMMIT, 201.
2. Photos: their folder on a small disk. The reserve refuses (507) before the disk is full; a disk that fills up while
   a photo comes is 507 too; reports go on; with room again photos are taken without anybody's help.
3. Everything: the whole home on a small disk, filled to the last byte. Nothing acknowledged is lost, reads go on or are
   told to come again, and it recovers by itself when there is room.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import data.photofiles  # noqa: E402
from worlds.serving import WORDS, Client, Ledger, Service, children, compare, new_uuid, sound  # noqa: E402

MB = 2**20
STEPS = (
    r'fsync\(\d+<\S*/photos/coming/\w+>\) += 0',
    r'rename(at2?)?\(.*/photos/coming/.*/photos/quarantine/',
    r'fsync\(\d+<\S*/photos/quarantine/\w\w>\) += 0',
    r'fsync\(\d+<\S*/photos/quarantine>\) += 0',
    r'fsync\(\d+<\S*/photos>\) += 0',
    r'sendto\(.*COMMIT',
    r'(send\w*|writev?)\(.*HTTP/1\.1 201',
)  # fmt: skip


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def picture(size: int) -> bytes:
    """Bytes that begin as a JPEG does; whether it is one is found out later."""
    return b"\xff\xd8\xff\xe0" + os.urandom(size)


def put(service: Service, content: bytes, body: object = None) -> int:
    """Send a photo; `body` is how it is sent, if not in one piece."""
    headers = {"Authorization": f"Bearer {service.tokens[0]}", "Content-Type": "image/jpeg"}
    address = f"http://127.0.0.1:{service.port}/api/photos/{hashlib.sha256(content).hexdigest()}"
    try:
        return requests.put(address, data=body or content, headers=headers, timeout=60).status_code
    except requests.RequestException:
        return 0


def read(service: Service) -> int:
    headers = {"Authorization": f"Bearer {service.tokens[0]}"}
    try:
        return requests.get(f"http://127.0.0.1:{service.port}/api/reports", headers=headers, timeout=60).status_code
    except requests.RequestException:
        return 0


def file_reports(service: Service, ledger: Ledger, count: int) -> Counter[int]:
    """What `count` reports are answered, one after the other."""

    async def filed() -> list[int]:
        client = Client(service.port, ledger)
        return [await client.send(service.tokens[0], new_uuid(), 0) for _ in range(count)]

    return Counter(asyncio.run(filed()))


def until(done: Callable[[], bool], most_s: float = 60.0) -> float:
    """Seconds until it is so; as many as are allowed where it never is."""
    began = time.monotonic()
    while not done() and time.monotonic() - began < most_s:
        time.sleep(0.1)
    return time.monotonic() - began


@contextmanager
def small_disk(place: Path, size_mb: int, *, mode: str = "0711") -> Iterator[None]:
    """A disk of its own for a folder, as long as the block lasts."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode={mode}", "wangge", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, leave_mb: float = 0.0) -> Path:
    """Take what is free on the disk of a folder, but for so much."""
    filler = place / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while (free := os.statvfs(place).f_bavail * os.statvfs(place).f_frsize - leave_mb * MB) > 0:
                file.write(b"\0" * int(min(free, MB)))
        except OSError:
            pass
    return filler


# 1 --------------------------------------------------------------------------------------------------------------------


def order(service: Service, folder: Path) -> bool:
    """Whether a photo is on the disk, and its row, before it is acknowledged."""
    (pid,), out = children(service.process.pid, b"serve"), folder / "strace"
    calls = "fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write,writev"
    command = ["strace", "-f", "-y", "-s", "200", "-e", f"trace={calls}", "-o", str(out), "-p", str(pid)]
    tracing = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: out.exists() and put(service, picture(100)) == 201 and out.stat().st_size > 0)
    mark = len(out.read_text(errors="replace").splitlines())
    status = put(service, picture(1_500_000))
    time.sleep(1)
    tracing.terminate()
    tracing.wait()
    lines = out.read_text(errors="replace").splitlines()[mark:]
    at, found = 0, []
    for step in STEPS:
        at = next((n for n in range(at, len(lines)) if re.search(step, lines[n])), len(lines))
        found.append(lines[at].strip()[:150] if at < len(lines) else f"MISSING {step}")
    for line in found:
        say(f"  {line}")
    return status == 201 and not any(line.startswith("MISSING") for line in found)


# 2 --------------------------------------------------------------------------------------------------------------------


def photos_full(service: Service, ledger: Ledger) -> bool:
    """Whether the reserve trips first, a disk that fills up is said, and room is found again."""
    place, kept = service.home / "photos", []
    reserve = data.photofiles.RESERVE_BYTES
    while (status := put(service, content := picture(4_000_000))) == 201:
        kept.append(content)
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    say(f"  photos: {len(kept)} kept, then {status} with {free // MB} MB free of a reserve of {reserve // MB}")
    filler = place / "filler"
    good = status == 507 and reserve - 5_000_000 <= free < reserve and put(service, picture(10)) == 507
    for path in list((place / "quarantine").rglob("*"))[:20]:  # room above the reserve again
        if path.is_file() and path.stat().st_size > MB:
            shutil.move(path, service.home.parent / path.name)

    def slowly(content: bytes) -> Iterator[bytes]:
        yield content[:2_000_000]
        time.sleep(1)
        fill(place)
        yield content[2_000_000:]

    last = picture(8_000_000)
    status = put(service, last, slowly(last))
    left = [path for path in (place / "coming").iterdir() if path.is_file()]
    filed, shown = file_reports(service, ledger, 5), read(service)
    say(f"  full while one came: {status}, left over {len(left)}; reports {dict(filed)}, read {shown}")
    good &= status == 507 and not left and filed == Counter({201: 5}) and shown == 200
    filler.unlink()
    status = put(service, picture(1000))
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for root in (place / "quarantine", service.home.parent)
               for path in root.rglob("*") if path.is_file() and path.stat().st_size > MB}  # fmt: skip
    lost = sum(hashlib.sha256(content).hexdigest() not in digests for content in kept)
    say(f"  room again: {status}; photos lost {lost}")
    return good and status == 201 and lost == 0


# 3 --------------------------------------------------------------------------------------------------------------------


def everything_full(service: Service, ledger: Ledger) -> bool:
    """Whether nothing acknowledged is lost when the database has no room, and it comes back by itself."""
    before = file_reports(service, ledger, 20)
    filler = fill(service.home, leave_mb=data.photofiles.RESERVE_BYTES / MB - 20)
    reserved, still = put(service, picture(1000)), file_reports(service, ledger, 20)
    say(f"  before {dict(before)}; below the reserve: photo {reserved}, reports {dict(still)}, read {read(service)}")
    good = reserved == 507 and still == Counter({201: 20})
    fill(service.home)
    said: Counter[int] = Counter()
    until(lambda: bool(said.update(file_reports(service, ledger, 50)) or said[503] + said[507] + said[0] >= 50))
    shown = Counter(read(service) for _ in range(20))
    say(f"  not a byte left: reports {dict(said)}, reads {dict(shown)}, photo {put(service, picture(1000))}")
    good &= set(said) <= {201, 200, 503, 507, 0} and 500 not in shown
    filler.unlink()
    back = until(lambda: file_reports(service, ledger, 1) == Counter({201: 1}))
    with service.database() as session:
        found = compare(session, ledger)
    told = [
        path for path in service.home.rglob("*log*/*") if path.is_file() and WORDS[:12].encode() in path.read_bytes()
    ]
    say(f"  room again: reports after {back:.1f} s, photo {put(service, picture(1000))}   {found}")
    say(f"  logs that say what was reported: {[path.name for path in told]}")
    return good and sound(found) and back < 30 and not told


def main() -> int:
    if os.geteuid() != 0:
        say("only root may mount a disk and look into another process")
        return 2
    good = True
    with tempfile.TemporaryDirectory(prefix="wangge-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with small_disk(folder / "home" / "photos", 300, mode="0700"):
            (folder / "home").chmod(0o711)
            service, ledger = Service(folder / "home", inspectors=2), Ledger(folder / "ledger.jsonl")
            try:
                for what, asked in (("order", lambda: order(service, folder)),
                                    ("photos", lambda: photos_full(service, ledger))):  # fmt: skip
                    good &= (held := asked())
                    say(f"{what}: {'as it must be' if held else 'NOT as it must be'}")
            finally:
                service.end()
    with tempfile.TemporaryDirectory(prefix="wangge-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with small_disk(folder / "home", 700):
            service, ledger = Service(folder / "home", inspectors=2), Ledger(folder / "ledger.jsonl")
            try:
                good &= (held := everything_full(service, ledger))
                say(f"everything: {'as it must be' if held else 'NOT as it must be'}")
            finally:
                service.end()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
