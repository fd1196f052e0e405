"""A private PostGIS cluster: made in the owner's folder, reached over a unix socket only, stopped when nobody uses it.

It must come back after anything: a killed `initdb`, a killed server, a killed user of the server, a machine that lost
power. So nothing here is remembered in a file that could lie. Who uses the cluster is known from `flock` (which the
kernel drops with the process), whether it runs is known from the process whose working folder is the data folder, and
a data folder exists only once it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import data.folders
import data.postgres
from gis.errors import Conflict, NotAllowed

DATABASE = "wangge"
SUPERUSER = "wangge"
DOOR = "wangge_login"
LOGINS = (SUPERUSER, DOOR)  # who the owner of the cluster may log in as
SYSTEM_FOLDER = Path("/var/lib/wangge")  # as root, for homes that the unprivileged user cannot enter
CONFIGURATION = Path(__file__).with_name("cluster.conf")
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un.sun_path, without its closing zero
PATIENCE_S = 300.0  # recovery after a crash may replay much
STOP_PATIENCE_S = 60.0
NOBODY_PID = 2**31 - 1  # larger than any pid can be


class Cluster:
    """The private cluster of one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()

    @property
    def place(self) -> Path:
        """The folder of everything the cluster keeps: `pg` in the home, or a system folder named in `pg.place`."""
        pointer = self.home / "pg.place"
        return Path(pointer.read_text().strip()) if pointer.exists() else self.home / "pg"

    @property
    def elsewhere(self) -> bool:
        """Whether the cluster had to be put outside its home."""
        return self.place != self.home / "pg"

    @property
    def folder(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.place / "data"

    @property
    def log(self) -> Path:
        """The folder of the server's logs, one file per weekday."""
        return self.place / "log"

    @property
    def socket(self) -> Path:
        """The folder of the socket; a short one when that path is too long or cannot be said in an address."""
        near = self.place / "run"
        if len(os.fsencode(near / SOCKET)) <= SOCKET_PATH_LIMIT and not set(",:") & set(str(near)):
            return near
        root = Path("/run") if os.geteuid() == 0 else Path("/tmp")
        return root / f"wangge-{self._owner.pw_uid}-{_digest(self.home)}"

    @property
    def url(self) -> str:
        """SQLAlchemy's address of the database."""
        return self.url_of(DATABASE)

    @property
    def door_url(self) -> str:
        """The same for whoever serves requests: a role without rights of its own."""
        return self.url_of(DATABASE, login=DOOR)

    def url_of(self, database: str, *, login: str = SUPERUSER) -> str:
        """SQLAlchemy's address of any database of the cluster."""
        return f"postgresql+psycopg2://{login}@/{quote(database)}?host={quote(str(self.socket), safe='')}"

    @property
    def running(self) -> bool:
        """Whether the server process is there; says nothing about whether it already answers."""
        return self._pid() is not None

    # --- use -------------------------------------------------------------------------------------------------------

    @contextmanager
    def lease(self) -> Iterator[Cluster]:
        """Run the cluster for as long as somebody needs it: the last to leave stops it, unless it was `keep`-ed."""
        with self._changing():
            held = self._users()
            fcntl.flock(held, fcntl.LOCK_SH)
            self._start()
        try:
            yield self
        finally:
            with held, self._changing():
                if _alone(held) and not self._kept():
                    self._stop()

    def ensure(self) -> None:
        """Make the cluster on disk when there is none; start nothing."""
        with self._changing():
            self._make()

    def start(self) -> None:
        """Bring the server and its database up; nothing happens when they are."""
        with self._changing():
            self._start()

    def keep(self) -> None:
        """Start the server, and let it run on when its users leave, until `stop`."""
        with self._changing():
            self._start()
            data.folders.write(self.place / "kept", self._identity())

    def stop(self) -> None:
        """Stop the server cleanly; refused while another process uses it."""
        with self._changing(), self._users() as held:
            if not _alone(held):
                raise Conflict("setup.cluster_in_use", home=str(self.home))
            (self.place / "kept").unlink(missing_ok=True)
            self._stop()

    def remove(self) -> None:
        """Stop the server and delete the cluster with everything in it."""
        self.stop()
        shutil.rmtree(self.socket, ignore_errors=True)
        shutil.rmtree(self.place)
        (self.home / "pg.place").unlink(missing_ok=True)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One process at a time may make, start or stop."""
        with data.folders.owned(self.home):
            data.folders.make(self.home)
            lock = os.open(self.home, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with data.folders.owned(self.home):
                self._settle()
            yield
        finally:
            os.close(lock)

    def _settle(self) -> None:
        """Make the place; outside the home where the owner of the processes cannot enter that."""
        if self.folder.exists():
            return
        data.folders.make(self.place)
        if not self._may_enter(self.place):
            outside = SYSTEM_FOLDER / f"{_digest(self.home)}-{secrets.token_hex(2)}"
            data.folders.make(outside.parent)
            data.folders.make(outside)
            data.folders.write(self.home / "pg.place", f"{outside}\n")

    def _users(self) -> IO[str]:
        with data.folders.owned(self.home):
            return (self.place / "users").open("a")

    def _kept(self) -> bool:
        kept = self.place / "kept"
        return kept.exists() and kept.read_text() == self._identity()

    # --- making ----------------------------------------------------------------------------------------------------

    def _make(self) -> None:
        """Build in a side folder and rename: a data folder is whole or absent."""
        if self.folder.exists():
            return
        making = self.place / "making"
        shutil.rmtree(making, ignore_errors=True)
        self._own_folder(making)
        self._run("initdb", "-D", str(making), "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8", "-k", "-A", "peer")
        making.rename(self.folder)
        data.folders.sync(self.place)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs().path(program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            **self._as_owner(),
        )
        if done.returncode:
            reason = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
            raise Conflict("setup.cluster_failed", program=program, reason=reason[-1], log=str(self.log))

    def _programs(self) -> data.postgres.Programs:
        made_by = self.folder / "PG_VERSION"
        return data.postgres.programs(int(made_by.read_text()) if made_by.exists() else None)

    # --- starting and stopping -------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not _wait(self._serves, PATIENCE_S):
            raise Conflict("setup.cluster_failed", program="postgres", reason=self._last_words(), log=str(self.log))

    def _serves(self) -> bool:
        """Whether the database answers; a server that is not there, or dies under us, is brought up."""
        if not self.running:
            self._make()
            self._clear_leavings()
            self._configure()
            self._launch()
        return self._has_database()

    def _launch(self) -> None:
        with (self.place / "start.log").open("w") as log:
            server = subprocess.Popen(
                [self._programs().path("postgres"), "-D", str(self.place)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C at the terminal is for us, not for the server
                **self._as_owner(),
            )
        _wait(lambda: self._ready() or server.poll() is not None, PATIENCE_S)
        if server.poll() is not None:
            raise Conflict("setup.cluster_failed", program="postgres", reason=self._last_words(), log=str(self.log))

    def _ready(self) -> bool:
        lines = self._pid_file()
        return self.running and len(lines) > 7 and lines[7].strip() == "ready"

    def _last_words(self) -> str:
        logs = [self.place / "start.log", *sorted(self.log.glob("*"), key=os.path.getmtime)]
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        fatal = [line for line in lines if "FATAL" in line]
        return (fatal or lines or ["?"])[-1]

    def _stop(self) -> None:
        for how in (signal.SIGINT, signal.SIGQUIT):  # fast: roll back and close; immediate: only if that hangs
            if (pid := self._pid()) is None:
                return
            os.kill(pid, how)
            if _wait(lambda: not self.running, STOP_PATIENCE_S):
                return

    def _clear_leavings(self) -> None:
        """Make the lock files of a killed server harmless.

        PostgreSQL itself sees that their process is gone, except when the number was given to another process of the
        same user. The pid file is not deleted, because it also names the shared memory in which PostgreSQL looks for
        orphans of the old server; those are asked to go first.
        """
        for pid in self._processes():
            os.kill(pid, signal.SIGQUIT)
        _wait(lambda: not self._processes(), STOP_PATIENCE_S)
        if lines := self._pid_file():
            self._replace_pid(lines)
        (self.socket / f"{SOCKET}.lock").unlink(missing_ok=True)

    def _replace_pid(self, lines: list[str]) -> None:
        # Opened without following links: as root we write here into a folder of another user.
        handle = os.open(self.folder / "postmaster.pid", os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
        with os.fdopen(handle, "w") as file:
            file.write("\n".join([str(NOBODY_PID), *lines[1:]]) + "\n")

    def _pid(self) -> int | None:
        """The server's pid, if that process is really ours: its working folder is the data folder."""
        lines = self._pid_file()
        if not lines or not lines[0].strip().isdigit():
            return None
        pid = int(lines[0])
        return pid if self._works_here(pid) else None

    def _pid_file(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _identity(self) -> str:
        """Which run of the server this is: its pid and the second it started."""
        lines = self._pid_file()
        return f"{lines[0]} {lines[2]}" if len(lines) > 2 else ""

    def _works_here(self, pid: int) -> bool:
        try:
            return os.readlink(f"/proc/{pid}/cwd") == str(self.folder.resolve())
        except OSError:
            return False

    def _processes(self) -> list[int]:
        """All processes of the server, orphans too."""
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and self._works_here(int(name))]

    # --- settings and rights ---------------------------------------------------------------------------------------

    def _configure(self) -> None:
        self._own_folder(self.log)
        self._own_folder(self.socket)
        rules, names = self.place / "hba.conf", self.place / "ident.conf"
        paths = {"data": self.folder, "log": self.log, "socket": self.socket, "hba": rules, "ident": names}
        settings = CONFIGURATION.read_text().format(**{name: _quoted(path) for name, path in paths.items()})
        logins = (f"owner {user} {login}\n" for user in self._users_allowed() for login in LOGINS)
        data.folders.write(rules, "local all all peer map=owner\n")
        data.folders.write(names, "".join(logins))
        data.folders.write(self.place / "postgresql.conf", settings)

    def _users_allowed(self) -> list[str]:
        """The owner, and root, who could become the owner anyway."""
        return sorted({"root", self._owner.pw_name})

    @property
    def _owner(self) -> pwd.struct_passwd:
        """The system user whose processes serve: ourselves, or somebody without rights when we are root."""
        if os.geteuid() != 0:
            return pwd.getpwuid(os.geteuid())
        if self.folder.exists():
            return pwd.getpwuid(self.folder.stat().st_uid)
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        return known.get("postgres") or known["nobody"]

    def _as_owner(self) -> dict[str, Any]:
        """How to start a process as the owner, with none of our own surroundings."""
        options: dict[str, Any] = {
            "cwd": self.place,
            "env": {"PATH": os.defpath, "HOME": str(self.place), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        }
        if os.geteuid() == 0:
            options |= {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": [], "umask": 0o077}
        return options

    def _own_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), self._owner.pw_uid):
            raise NotAllowed("setup.folder_taken", folder=str(folder))
        if os.geteuid() == 0:
            os.chown(folder, self._owner.pw_uid, self._owner.pw_gid)
        folder.chmod(0o700)

    def _may_enter(self, folder: Path) -> bool:
        if os.geteuid() != 0:
            return True
        owner = self._owner
        tried = subprocess.run(
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)],
            user=owner.pw_uid,
            group=owner.pw_gid,
            extra_groups=[],
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return tried.returncode == 0

    def _has_database(self) -> bool:
        """Make our database where it is missing; False while the server takes no connections."""
        import psycopg2  # not at the top: `wangge --help` must not pay for it

        try:
            connection = psycopg2.connect(host=str(self.socket), user=SUPERUSER, dbname="postgres")
        except psycopg2.OperationalError:
            return False
        with closing(connection), connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        return True


@contextmanager
def running(home: Path) -> Iterator[Cluster]:
    """Run the cluster of `home` while the block lasts, and leave it as it was found."""
    with Cluster(home).lease() as cluster:
        yield cluster


def _alone(users: IO[str]) -> bool:
    """Whether nobody else holds the file; costs the shared lock, so only who leaves may ask."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _quoted(path: Path) -> str:
    """As postgresql.conf wants its strings."""
    escaped = str(path).replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
