"""How a loop is compiled, and how several run at once: by numba, kept on disk so that a later start pays nothing.

A read-only install with no writable home has nowhere to keep machine code; it is then compiled anew in each process,
a few seconds once, rather than refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba
import numba.core.cgutils
import numba.extending

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


def _prefetch(_context: Any, array: Any, place: Any) -> Any:
    """The types and the machine code of `prefetch`."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        tools: Any = numba.core.cgutils
        start = context.make_array(signature.args[0])(context, builder, given[0]).data
        address = builder.bitcast(builder.gep(start, [given[1]]), tools.voidptr_t)
        kind = tools.ir.FunctionType(tools.ir.VoidType(), [tools.voidptr_t, *[tools.int32_t] * 3])
        ask = tools.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(ask, [address, *map(tools.int32_t, (0, 3, 1))])  # to read, to keep, data
        return context.get_dummy_value()

    return numba.types.void(array, place), build


#: `prefetch(array, place)` in compiled code asks for `array[place]`, waits for nothing and changes no answer.
prefetch: Callable[..., None] = numba.extending.intrinsic(_prefetch)
