"""How a loop is compiled, and how several run at once: by numba, kept on disk so that a later start pays nothing.

A read-only install with no writable home has nowhere to keep machine code; it is then compiled anew in each process,
a few seconds once, rather than refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])
Given = TypeVar("Given")
Made = TypeVar("Made")


def compiled(function: F) -> F:
    """Compile on first call; releases the GIL, so threads may share the work. Floats stay strictly IEEE."""
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder it may write to
        return cast(F, numba.njit(nogil=True)(function))


def at_once(work: Callable[[Given], Made], items: Iterable[Given]) -> list[Made]:
    """`map` on as many threads as numba may use: compiled loops and large arrays let go of the interpreter."""
    settings: Any = numba.config
    with ThreadPoolExecutor(settings.NUMBA_NUM_THREADS) as threads:
        return list(threads.map(work, items))
