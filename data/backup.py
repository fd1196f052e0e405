"""Back up a whole database into one file, and bring it back: all of it or nothing.

The file is a tar archive, so that it can be opened by hand in ten years. Its members: `facts.json` (what it is),
`database.dump` (pg_dump's custom format, for pg_restore), `photos/…` (as they lie in the home) and `SHA256` (of every
byte before). The photos are read after the dump and come before the swap: each is on the disk before its row is and
never changes, so that no row is without its file, and the worst is a file without a row.
A restore fills a new database and swaps the names in one transaction: whatever goes wrong, the old one is untouched.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy
import sqlalchemy.exc
from sqlalchemy.engine import URL, make_url

import data.folders
import data.photofiles
import data.postgres
from gis.errors import Conflict, Invalid, MissingPart

FORMAT = 1
DUMP = "database.dump"
BLOCK = tarfile.BLOCKSIZE
SWAP_ATTEMPTS = 10
OBJECT_IN_USE = "55006"
SEAL_BYTES = 4 * BLOCK  # header, digest, and the two empty blocks that end an archive


def write(url: str, file: Path, *, home: Path) -> dict[str, Any]:
    """Back the database and the photos of `home` up into `file`, which is whole and proved readable, or absent."""
    facts = _facts(url)
    with _whole_or_absent(file) as out:
        out.write(_member("facts.json", json.dumps(facts, ensure_ascii=False).encode()))
        _write_dump(make_url(url), out)
        photos = _write_photos(home, out)
        out.flush()
        out.write(_seal(_digest(Path(out.name))))
        out.flush()
        check(Path(out.name))
    return facts | {"file": str(file), "bytes": file.stat().st_size, "photos": photos}


def check(file: Path) -> dict[str, Any]:
    """Read a backup through to its end; raises where a byte is missing or changed; returns the facts."""
    _check_seal(file)
    with tarfile.open(file, "r:") as archive:
        facts: dict[str, Any] = json.loads(_open_member(archive, "facts.json").read())
        if facts["format"] != FORMAT:
            raise Invalid("backup.newer", file=str(file), format=facts["format"])
        _feed([_program("pg_restore"), "--list"], _open_member(archive, DUMP))
    return facts


def restore(url: str, file: Path, *, home: Path) -> dict[str, Any]:
    """Put the database at `url` back to what `file` holds, and photos that are missing back into `home`.

    Connections to the database are cut for the swap.
    """
    facts = check(file)
    _read_photos(file, home)
    target = make_url(url)
    fresh, replaced = (target.set(database=f"{target.database}_{word}") for word in ("restoring", "replaced"))
    with _statements(target.set(database="postgres")) as run:
        for leftover in (fresh, replaced):  # of a restore that was killed
            run(f"DROP DATABASE IF EXISTS {_name(leftover)} WITH (FORCE)")
        run(f"CREATE DATABASE {_name(fresh)} TEMPLATE template0")
        try:
            _read_dump(fresh, file)
            _swap(run, target, fresh=fresh, replaced=replaced)
        finally:
            run(f"DROP DATABASE IF EXISTS {_name(fresh)} WITH (FORCE)")
        run(f"DROP DATABASE {_name(replaced)} WITH (FORCE)")
    return facts


def _facts(url: str) -> dict[str, Any]:
    told = data.postgres.about(url)
    kept = {name: told[name] for name in ("server_version", "postgis", "revision")}
    return {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(timespec="seconds"), **kept}


# --- the file ------------------------------------------------------------------------------------------------------


@contextmanager
def _whole_or_absent(file: Path) -> Iterator[IO[bytes]]:
    """A file beside `file` that takes its name only when it is complete and on the disk."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("w+b") as out:
            beside.chmod(0o600)  # it holds persons
            yield out
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    data.folders.sync(file.absolute().parent)


def _write_dump(url: URL, out: IO[bytes]) -> None:
    """Stream pg_dump into the archive; its header can be written only when the length is known."""
    start = out.tell()
    out.write(bytes(BLOCK))
    out.flush()
    command = [_program("pg_dump", _major(url)), "--format=custom", f"--dbname={_libpq(url)}"]
    _checked(subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=_surroundings(url), check=False))
    out.seek(0, os.SEEK_END)
    size = out.tell() - start - BLOCK
    out.write(bytes(-size % BLOCK))
    out.seek(start)
    out.write(_header(DUMP, size))
    out.seek(0, os.SEEK_END)


def _read_dump(target: URL, file: Path) -> None:
    command = [_program("pg_restore", _major(target)), "--exit-on-error", "--single-transaction"]
    with tarfile.open(file, "r:") as archive:
        _feed([*command, f"--dbname={_libpq(target)}"], _open_member(archive, DUMP), env=_surroundings(target))
    with _statements(target) as run:
        run("ANALYZE")


def _write_photos(home: Path, out: IO[bytes]) -> int:
    """Add every photo, and say how many files they are."""
    paths = [path for kind in data.photofiles.KEPT for path in data.photofiles.found(home, kind).values()]
    for path in sorted(paths):
        with path.open("rb") as photo:
            size = os.fstat(photo.fileno()).st_size
            out.write(_header(str(path.relative_to(home)), size))
            shutil.copyfileobj(photo, out, 1 << 20)
            out.write(bytes(-size % BLOCK))
    return len(paths)


def _read_photos(file: Path, home: Path) -> None:
    """Put back what is missing; what is there already is the same."""
    with tarfile.open(file, "r:") as archive:
        for member in archive:
            if member.name.startswith("photos/"):
                content = archive.extractfile(member)
                if content is None or not data.photofiles.put_back(home, member.name, content):
                    raise Invalid("backup.damaged", file=str(file))


def _feed(command: list[str], dump: IO[bytes], *, env: Mapping[str, str] = os.environ) -> None:
    """Run a program on the dump, and raise with its first word when it does not like it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, env=env) as reader:
        assert reader.stdin
        assert reader.stderr
        with suppress(BrokenPipeError):  # it says itself why it left
            shutil.copyfileobj(dump, reader.stdin, 1 << 20)
            reader.stdin.close()
        said = reader.stderr.read()
    _checked(subprocess.CompletedProcess(command, reader.returncode, stderr=said))


def _checked(done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit {done.returncode}"]
        raise Conflict("backup.program_failed", program=Path(done.args[0]).name, reason=lines[0])


def _check_seal(file: Path) -> None:
    size = file.stat().st_size
    with file.open("rb") as whole:
        whole.seek(max(0, size - SEAL_BYTES))
        seal = whole.read()
    if size <= SEAL_BYTES or seal != _seal(_digest(file, size - SEAL_BYTES)):
        raise Invalid("backup.damaged", file=str(file))


def _digest(file: Path, length: int | None = None) -> str:
    """The SHA-256 of a file's first `length` bytes."""
    digest = hashlib.sha256()
    left = file.stat().st_size if length is None else length
    with file.open("rb") as whole:
        while left and (part := whole.read(min(left, 1 << 20))):
            digest.update(part)
            left -= len(part)
    return digest.hexdigest()


def _seal(digest: str) -> bytes:
    """The end of the archive, byte for byte, for everything before it having this digest."""
    return _member("SHA256", f"{digest}\n".encode()) + bytes(2 * BLOCK)


def _member(name: str, content: bytes) -> bytes:
    return _header(name, len(content)) + content + bytes(-len(content) % BLOCK)


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member.tobuf(tarfile.GNU_FORMAT)


def _open_member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    return archive.extractfile(name) or io.BytesIO()


# --- the server --------------------------------------------------------------------------------------------------


def _program(name: str, major: int | None = None) -> str:
    """PostgreSQL's program, of the server's own version where there is a choice."""
    same = [each.path(name) for each in data.postgres.installed() if major in (None, each.major)]
    if found := same[0] if same else shutil.which(name):
        return found
    raise MissingPart("setup.parts", parts=[name], command="sudo apt-get install -y postgresql-client")


def _major(url: URL) -> int:
    told = data.postgres.about(url.render_as_string(hide_password=False))
    return int(told["server_version_num"]) // 10_000


def _libpq(url: URL) -> str:
    """The same address for PostgreSQL's own programs, without the password, which everybody could read in `ps`."""
    return url.set(drivername="postgresql", password=None).render_as_string()


def _surroundings(url: URL) -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"} | ({"PGPASSWORD": str(url.password)} if url.password else {})


@contextmanager
def _statements(url: URL) -> Iterator[Callable[..., None]]:
    """A way to run statements on a database: one alone outside any transaction, several in one."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")

    def run(*statements: str | sqlalchemy.TextClause) -> None:
        level = "READ COMMITTED" if len(statements) > 1 else "AUTOCOMMIT"
        with engine.connect().execution_options(isolation_level=level) as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement) if isinstance(statement, str) else statement)
            connection.commit()

    try:
        yield run
    finally:
        engine.dispose()


def _swap(run: Callable[..., None], target: URL, *, fresh: URL, replaced: URL) -> None:
    """Give the new database the name of the old; whoever connects meanwhile is cut off and waits for nothing."""
    cut = sqlalchemy.text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name")
    renames = [
        f"ALTER DATABASE {_name(target)} RENAME TO {_name(replaced)}",
        f"ALTER DATABASE {_name(fresh)} RENAME TO {_name(target)}",
    ]
    for left in reversed(range(SWAP_ATTEMPTS)):
        run(cut.bindparams(name=target.database))
        try:
            return run(*renames)
        except sqlalchemy.exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) != OBJECT_IN_USE or not left:
                raise


def _name(url: URL) -> str:
    return '"' + str(url.database).replace('"', '""') + '"'
