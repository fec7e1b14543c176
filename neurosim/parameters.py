"""Frozen value objects: validated when made, compared by value, arrays read-only and compared by content."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError

__all__ = ["Parameters", "Value", "parameter"]

Value = float | NDArray[np.float64]
"""A parameter: one number for all neurons or an array of the population's shape."""


def parameter(
    *,
    default: Any = dataclasses.MISSING,
    unit: str = "1",
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    infinite: bool = False,
    doc: str = "",
) -> Any:
    """A dataclass field that holds a number, or an array of numbers unless it is annotated ``float``.

    Args:
        unit: ``"s"``, ``"1"``, or ``"v"`` for the unit of the model's potential.
        minimum, above, maximum: inclusive lower, exclusive lower and inclusive upper bound.
        infinite: whether an infinite value is allowed (a time constant without leak).
    """
    metadata = {
        "unit": unit,
        "minimum": minimum,
        "above": above,
        "maximum": maximum,
        "infinite": infinite,
        "doc": doc,
    }
    return dataclasses.field(default=default, metadata=metadata)


def _checked(owner: str, field: dataclasses.Field[Any], value: Any) -> Value:
    where = f"{owner}.{field.name}"
    try:
        array = np.array(value)
        if array.dtype.kind not in "iufb" or array.size == 0:
            raise ValueError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise DescriptionError(
            "is not a number or an array of numbers", where=where, value=repr(value)
        ) from None
    if array.ndim and field.type in ("float", float):
        raise DescriptionError("must be one number", where=where, value=f"an array of shape {array.shape}")
    m = field.metadata
    unit = "" if m["unit"] == "1" else f" {m['unit']}"
    wrong: str | None = None
    if np.isnan(array).any():
        wrong = "a number, not NaN"
    elif not m["infinite"] and np.isinf(array).any():
        wrong = "a finite number"
    elif m["minimum"] is not None and (array < m["minimum"]).any():
        wrong = f">= {m['minimum']:g}{unit}"
    elif m["above"] is not None and (array <= m["above"]).any():
        wrong = f"> {m['above']:g}{unit}"
    elif m["maximum"] is not None and (array > m["maximum"]).any():
        wrong = f"<= {m['maximum']:g}{unit}"
    if wrong:
        shown = value if array.ndim == 0 else f"an array with {array.min():g} to {array.max():g}"
        raise DescriptionError("is out of range", where=where, value=shown, limit=wrong)
    if array.ndim == 0:
        return float(array)
    array.setflags(write=False)
    return array


def same(a: Any, b: Any) -> bool:
    """Equality by value; arrays are equal when dtype, shape and content are (NaN equals NaN)."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return (
            isinstance(a, np.ndarray)
            and isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
        )
    return bool(type(a) is type(b) and a == b)


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    eq_default=False,
    field_specifiers=(parameter, dataclasses.field),
)
class Parameters:
    """Base of everything a user configures. A subclass becomes a frozen keyword-only dataclass by itself.

    Fields made with `parameter` are checked against their range; enum fields must hold a member. ``__eq__`` and
    ``__hash__`` go by value (arrays by content).
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, kw_only=True, eq=False)(cls)

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if value is None and f.default is None:
                continue
            if "unit" in f.metadata:
                object.__setattr__(self, f.name, _checked(type(self).__name__, f, value))
            elif isinstance(f.default, Enum) and not isinstance(value, type(f.default)):
                options = " | ".join(f"{type(f.default).__name__}.{m.name}" for m in type(f.default))
                raise DescriptionError(
                    "is not one of its options",
                    where=f"{type(self).__name__}.{f.name}",
                    value=repr(value),
                    limit=options,
                )
            elif isinstance(value, np.ndarray) and value.flags.writeable:
                value = value.copy()
                value.setflags(write=False)
                object.__setattr__(self, f.name, value)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in dataclasses.fields(self))  # type: ignore[arg-type]

    def __hash__(self) -> int:
        parts: list[Any] = [type(self)]
        for f in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            parts.append(
                (value.shape, (value + 0).tobytes()) if isinstance(value, np.ndarray) else value
            )  # adding 0 makes -0.0 and 0.0, which are equal, hash alike
        return hash(tuple(parts))

    def replace(self, **changes: Any) -> Any:
        """A copy with some fields changed, validated again."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]
