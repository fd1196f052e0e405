"""The application behind a real port, for clients that bring their own HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve on a free port of this machine until the block ends; its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    started = threading.Event()
    server.startup = _then(server.startup, started)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(20), "the server did not start"
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def _then(startup: Any, started: threading.Event) -> Any:
    async def announced(*arguments: Any, **options: Any) -> None:
        await startup(*arguments, **options)
        started.set()

    return announced
