"""Data sets of one layer of a network file, read as lava-dl's loader reads them, sizes checked before anything is read.

The loader takes only these keys for values (``netx/utils.py``, ``NetDict``); whole numbers are cut toward zero from
whatever is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError

__all__ = ["MAX_VALUES", "LayerGroup", "Reading"]

Ints = NDArray[np.int64]

MAX_VALUES = 1 << 28
"""Most numbers that a data set may hold."""
_MAX_NEURONS = 1 << 24
_MAX_MAGNITUDE = float(1 << 62)


class Reading(Enum):
    """What to do about parts of a file that lava-dl's loader misreads.

    STRICT refuses them; AS_LOADED takes them as the loader does and says so. What the loader fails on is refused by
    both.
    """

    STRICT = "strict"
    AS_LOADED = "as loaded"


@dataclass
class LayerGroup:
    """A layer's group. Errors name the layer and the key."""

    group: Any
    where: str
    reading: Reading
    misread: list[str] = field(default_factory=list)

    def __contains__(self, key: str) -> bool:
        return key in self.group

    def note(self, key: str, what: str, **details: Any) -> None:
        """What the loader misreads: refused if strict, else remembered."""
        error = FileFormatError(what, where=f"{self.where}, {key}", **details)
        if self.reading is Reading.STRICT:
            raise error
        self.misread.append(str(error))

    def refuse(self, key: str, what: str, **details: Any) -> FileFormatError:
        """What the loader fails on; to be raised."""
        return FileFormatError(what, where=f"{self.where}, {key}", **details)

    def keys(self, under: str = "") -> list[str]:
        """Names in the group or in one below it."""
        return list(self.group[under] if under else self.group)

    def text(self, key: str) -> str:
        """A byte string, or the first of an array of them."""
        data = self._dataset(key)
        value = data[0] if data.ndim else data[()]
        if not isinstance(value, bytes):
            raise self.refuse(key, "is no byte string", value=str(data.dtype))
        return value.decode("ascii")

    def array(self, key: str, *, limit: int = MAX_VALUES, whole: bool = False) -> Ints:
        """Whole numbers of any shape; fractions are cut off, or refused where the loader fails on them."""
        data = self._dataset(key)
        if data.size > limit or data.ndim > 6:
            raise self.refuse(key, "holds too many numbers", value=data.shape, limit=limit)
        if data.dtype.kind not in "iufb" or data.dtype.itemsize > 8:
            raise self.refuse(key, "does not hold numbers", value=str(data.dtype))
        values = np.asarray(data[()])
        if whole and values.dtype.kind == "f":
            raise self.refuse(key, "must be stored as integers: the loader computes with what is there")
        if values.size and not np.all(np.abs(values.astype(np.float64)) < _MAX_MAGNITUDE):
            raise self.refuse(key, "holds numbers that no integer holds")
        cut = np.trunc(values).astype(np.int64) if values.dtype.kind == "f" else values.astype(np.int64)
        if values.dtype.kind == "f" and np.any(cut != values):
            self.note(key, "fractions are cut off by the loader", remedy="Store whole numbers")
        return cut

    def number(self, key: str) -> int:
        """One whole number, alone or in an array of one."""
        value = self.array(key, limit=1)
        if value.size != 1:
            raise self.refuse(key, "must be one number", value=value.shape)
        return int(value.reshape(-1)[0])

    def pair(self, key: str) -> tuple[int, int]:
        """(height, width) of a number for both or two of them."""
        values = self.array(key, limit=2, whole=True)
        if values.shape not in ((), (2,)):
            raise self.refuse(key, "must be a scalar or two numbers", value=values.shape)
        height, width = np.broadcast_to(values, 2).tolist()
        return height, width

    def shape(self) -> tuple[int, ...]:
        """The data set ``shape``, in the order of the file."""
        values = self.array("shape", limit=8, whole=True).reshape(-1)
        if values.size == 0 or values.min() < 1 or np.prod(values.astype(np.float64)) > _MAX_NEURONS:
            raise self.refuse("shape", "is no shape", value=values.tolist(), limit=_MAX_NEURONS)
        return tuple(values.tolist())

    def _dataset(self, key: str) -> Any:
        parts = key.split("/")
        for i in range(len(parts)):
            link = self.group.get("/".join(parts[: i + 1]), getlink=True)
            if link is None:
                raise self.refuse(key, "is missing")
            if not isinstance(link, h5py.HardLink):
                raise self.refuse(
                    key, "is a link to elsewhere", remedy="Store the data set in the file itself"
                )
        data = self.group[key]
        if not isinstance(data, h5py.Dataset) or data.shape is None:
            raise self.refuse(key, "is no data set")
        if data.external or data.is_virtual:
            raise self.refuse(key, "is stored in another file", remedy="Store it in the file itself")
        if data.size == 0:
            raise self.refuse(key, "is empty", value=data.shape)
        return data
