"""Targets by the name a user types: the lower-case names of the target classes that installed target modules export."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from enum import Enum
from typing import Any

from neurosim.errors import DescriptionError, UnsupportedError

__all__ = ["make_target", "target_classes"]


def target_classes() -> dict[str, type[Any]]:
    """``{"loihi1": Loihi1, ...}`` from every module in the entry-point group ``neurosim.targets``."""
    from neurosim.hardware import targets

    found: dict[str, type[Any]] = {}
    for entry in targets().values():
        module = entry.load()
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if isinstance(value, type) and all(
                hasattr(value, part) for part in ("map", "support", "transport")
            ):
                found[name.lower()] = value
    return found


def make_target(name: str, settings: Sequence[str] = ()) -> Any:
    """A target with fields set from ``"field=value"`` texts.

    Raises:
        UnsupportedError: no installed module has a target of this name.
        DescriptionError: the target has no such field, or refuses the value.
    """
    classes = target_classes()
    if name.lower() not in classes:
        raise UnsupportedError(
            "no such target is installed", where="--target", value=name, limit=sorted(classes)
        )
    chosen = classes[name.lower()]
    fields = {f.name: f.default for f in dataclasses.fields(chosen) if f.init}
    values: dict[str, Any] = {}
    for text in settings:
        field, equals, value = text.partition("=")
        if not equals or field not in fields:
            raise DescriptionError(
                "is not FIELD=VALUE of this target", where="--set", value=text, limit=sorted(fields)
            )
        values[field] = _value(value, fields[field])
    return chosen(**values)


def _value(text: str, default: Any) -> Any:
    """What a text means: the option of that value or name where the field holds options, else a number, else itself."""
    if isinstance(default, Enum):
        named = [o for o in type(default) if text.lower() in (str(o.value).lower(), o.name.lower())]
        return named[0] if named else text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False, "none": None}.get(text.lower(), text)
