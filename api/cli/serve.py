"""`wangge serve`: the process that answers, run and kept alive by `wangge up`."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from api.cli.terminal import say, settings, step, words

GRACE_S = 5  # for answers under way when we are asked to stop
IDLE_S = 75  # a phone that walks through a dead spot need not knock again
OPEN_TO_ALL = ("0.0.0.0", "::")


def register(app: typer.Typer) -> None:
    app.command("serve", help=words("serve.help"), hidden=True)(serve)


def serve(door: Annotated[int, typer.Option(help=words("serve.door"))]) -> None:
    """Answer at an inherited socket until told to stop, or until whoever started us is gone."""
    import os
    import signal

    import uvicorn

    import api.app
    import api.logs
    from api.cli.children import leave_with_parent

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            say("up.serving", url=address(settings().host, settings().port))

    with step(words("up.application")):
        api.logs.open_file(settings().home)
        config = uvicorn.Config(
            api.app.create_app(settings()),
            log_config=None,
            access_log=False,  # an address may hold somebody's place
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=IDLE_S,
        )
    leave_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    Server(config).run(sockets=[socket.socket(fileno=door)])


def address(host: str, port: int) -> str:
    """What to write into a browser of this machine."""
    name = "127.0.0.1" if host in OPEN_TO_ALL else host
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"
