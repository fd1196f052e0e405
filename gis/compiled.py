"""How a loop is compiled: by numba, kept on disk so that a later start pays nothing.

A read-only install with no writable home has nowhere to keep machine code; it is then compiled anew in each process,
a few seconds once, rather than refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile on first call; releases the GIL, so threads may share the work. Floats stay strictly IEEE."""
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder it may write to
        return cast(F, numba.njit(nogil=True)(function))
