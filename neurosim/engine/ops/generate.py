"""Kernels from scalar functions: the source of a model's step is written into a module with the loop around it.

Numba cannot cache a function that takes another compiled function as an argument, and calling through one is slow. So
each model gets a module of its own, named by a hash of its text, in the user's cache folder, Numba's cache beside it.
"""

from __future__ import annotations

import enum
import hashlib
import importlib.util
import inspect
import re
import sys
import textwrap
import threading
import types
from collections.abc import Callable
from functools import cache
from typing import Any

from neurosim.atomic_file import write_atomically
from neurosim.cache_folder import cache_folder
from neurosim.errors import DescriptionError

__all__ = ["enum_import", "function_source", "load_generated"]

_IMPORT = re.compile(r"^from (neurosim\.[\w.]+) import", re.MULTILINE)
_LOADED: dict[str, types.ModuleType] = {}
_LOADING = threading.Lock()


def function_source(function: Callable[..., Any], name: str, owner: str) -> tuple[list[str], str]:
    """Imports and source of a scalar function, renamed to ``name`` and set up for inlining.

    It may use `math`, enums and other such functions of its module as globals, and nothing else.
    """
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise DescriptionError(
            "the source of this function cannot be found",
            where=owner,
            remedy="Define it in a file (not at the prompt)",
        ) from None
    if function.__code__.co_freevars or function.__name__ == "<lambda>":
        raise DescriptionError(
            "is a lambda or takes names from the function around it",
            where=owner,
            value=f"{function.__name__}: {', '.join(function.__code__.co_freevars)}",
            remedy="Define it with def, and pass numbers as coefficients",
        )
    imports: list[str] = []
    called: list[str] = []
    for used in sorted(_global_names(function.__code__)):
        value = function.__globals__.get(used)
        if isinstance(value, types.ModuleType) and value.__name__ == "math":
            imports.append(f"import math as {used}")
        elif isinstance(value, type) and issubclass(value, enum.IntEnum):
            imports.append(enum_import(value, used))
        elif isinstance(value, types.FunctionType):
            more, source = function_source(value, used, owner)
            imports += more
            called.append(source)
        elif value is not None or used not in __builtins__:  # type: ignore[operator]
            raise DescriptionError(
                f"uses the global {used!r}",
                where=owner,
                remedy="Only math, IntEnum classes and scalar functions may be used",
            )
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("def "))
    lines = lines[start:]
    lines[0] = lines[0].replace(f"def {function.__name__}(", f"def {name}(", 1)
    return imports, "\n\n\n".join([*called, '@njit(inline="always")\n' + "\n".join(lines)])


def enum_import(cls: type[enum.IntEnum], name: str) -> str:
    """The line that imports an enum. It says the values too: they are compiled in, and so belong into the hash."""
    values = ", ".join(f"{member.name}={member.value}" for member in cls)
    return f"from {cls.__module__} import {cls.__qualname__} as {name}  # {values}"


def _global_names(code: types.CodeType) -> set[str]:
    import dis

    return {str(i.argval) for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}


def compiled_in(text: str) -> list[str]:
    """The modules of this package that a text imports from, and those that they import from, sorted."""
    found: set[str] = set()
    waiting = _IMPORT.findall(text)
    while waiting:
        if (module := waiting.pop()) not in found:
            found.add(module)
            waiting += _IMPORT.findall(_source(module))
    return sorted(found)


@cache
def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    get_source = getattr(spec and spec.loader, "get_source", None)
    return (get_source(module) if get_source else None) or ""


def load_generated(title: str, text: str) -> types.ModuleType:
    """Import a generated module, written to the cache folder on first use and announced on stderr.

    Its name has a hash of its text and of what it imports from this package, which is compiled in: kernels of another
    version are left alone.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=10)
    for module in compiled_in(text):
        digest.update(_source(module).encode())
    name = f"{title}_{digest.hexdigest()}"
    with _LOADING:  # threads that ask for the same kernel compile it once
        return _loaded(name, title, text)


def _loaded(name: str, title: str, text: str) -> types.ModuleType:
    if name not in _LOADED:
        folder = cache_folder() / "kernels"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.py"
        if not (path.is_file() and path.read_text(encoding="utf-8") == text):
            print(f"neurosim: compiling kernels for {title} (once; kept in {folder})", file=sys.stderr)
            write_atomically(path, text.encode())
        spec = importlib.util.spec_from_file_location(f"neurosim_kernels.{name}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"cannot load the generated kernel {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # Numba's cache looks its module up by name
        spec.loader.exec_module(module)
        _LOADED[name] = module
    return _LOADED[name]
