"""The emitted files: what a programmer and the emulator need, and nothing else.

``crossbar.h5``   group ``blocks/N`` (attributes projection, pre, post; datasets neuron, scale_S) and group ``tiles/N``
                  (attributes block, adc_full_scale_A; datasets pre, delay [rows], g_target, g_lo, g_hi float32 [rows,
                  columns] in S, program uint8: 1 where a cell is to be programmed)
``tile_N.csv``    the cells to program: tile, row, column, polarity, g_target_S, g_lo_S, g_hi_S
``device.toml``   the device profile
``pulse.toml``    pulse and read settings for the programmer
``neurons.h5``    the neurons and inputs: a network file without projections
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.crossbar.limits import limits
from neurosim.hardware.crossbar.mapping import Block, TileShape
from neurosim.hardware.crossbar.profile import KEYS, Profile
from neurosim.network_file import open_file

__all__ = ["profile_toml", "pulse_toml", "read_blocks", "tile_csv", "write_blocks"]

_WINDOW = ("g_lo", "g_hi")


def write_blocks(path: Path, blocks: Sequence[Block], shape: TileShape, profile: Profile) -> None:
    """Write ``crossbar.h5``."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": 1, "rows": shape.rows, "columns": shape.columns})
        groups, tiles = file.create_group("blocks"), file.create_group("tiles")
        for number, block in enumerate(blocks):
            group = groups.create_group(f"{number:05d}")
            group.attrs.update({"projection": block.projection, "pre": block.pre, "post": block.post})
            group["neuron"], group["scale_S"] = block.neuron, block.scale
            for (tile, lines), full_scale in zip(block.tiles(shape), block.full_scale, strict=True):
                at = tiles.create_group(f"{tile:05d}")
                at.attrs.update({"block": number, "adc_full_scale_A": float(full_scale)})
                at["pre"], at["delay"] = block.line_pre[lines], block.line_delay[lines]
                target, programmed = block.target[lines], block.programmed[lines]
                low, high = _window(target, programmed, profile)
                arrays = {
                    "g_target": target,
                    "g_lo": low,
                    "g_hi": high,
                    "program": programmed.astype(np.uint8),
                }
                for name, values in arrays.items():
                    at.create_dataset(name, data=values, compression="gzip", compression_opts=1, shuffle=True)


def tile_csv(block: Block, lines: slice, tile: int, profile: Profile) -> str:
    """One line a cell to program; polarity is the sign with which the column counts."""
    target, programmed = block.target[lines], block.programmed[lines]
    low, high = _window(target, programmed, profile)
    row, column = np.nonzero(programmed)
    out = io.StringIO()
    out.write("tile,row,column,polarity,g_target_S,g_lo_S,g_hi_S\n")
    columns = (row, column, 1 - 2 * (column % 2), target[row, column], low[row, column], high[row, column])
    for r, c, sign, g, lo, hi in zip(*(a.tolist() for a in columns), strict=True):
        out.write(f"{tile},{r},{c},{sign:+d},{g:.6g},{lo:.6g},{hi:.6g}\n")
    return out.getvalue()


def _window(
    target: NDArray[np.float32], programmed: NDArray[np.bool_], profile: Profile
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest conductance that counts as programmed; the target itself for unformed cells."""
    half = np.where(programmed, np.float32(profile.acceptance), np.float32(0.0))
    return np.maximum(target - half, 0).astype(np.float32), (target + half).astype(np.float32)


def read_blocks(path: Path, shape: TileShape, sizes: Mapping[str, int]) -> list[Block]:
    """Read ``crossbar.h5``.

    Args:
        shape: of a tile, as the manifest has it.
        sizes: neurons of every input and population.

    Raises:
        FileFormatError: anything missing, of the wrong type or size, or out of range.
    """
    with open_file(path) as file:
        reader = _Reader(str(path))
        for name, value in (("rows", shape.rows), ("columns", shape.columns)):
            if reader.number(file, name) != value:
                raise FileFormatError("differs from the manifest", where=f"{path}@{name}", limit=value)
        tiles: dict[int, list[tuple[int, h5py.Group]]] = {}
        for number, group in reader.groups(file, "tiles"):
            tiles.setdefault(int(reader.number(group, "block")), []).append((number, group))
        blocks = reader.groups(file, "blocks")
        if set(tiles) != {number for number, _ in blocks}:
            raise FileFormatError("tiles and blocks do not belong together", where=str(path))
        return [reader.block(group, tiles[number], shape, sizes) for number, group in blocks]


class _Reader:
    """Checks what a group declares before it reads it."""

    def __init__(self, file: str) -> None:
        self.file = file

    def fail(self, what: str, group: h5py.Group, name: str, **details: Any) -> FileFormatError:
        return FileFormatError(what, where=f"{self.file}:{group.name}/{name}", **details)

    def groups(self, file: h5py.File, name: str) -> list[tuple[int, h5py.Group]]:
        parent = file.get(name)
        if not isinstance(parent, h5py.Group):
            raise self.fail("is missing", file, name)
        found = []
        for key in parent:
            if not isinstance(parent.get(key, getlink=True), h5py.HardLink) or not isinstance(
                parent[key], h5py.Group
            ):
                raise self.fail("is not a group", parent, key)
            if not key.isdecimal():
                raise self.fail("is not a number", parent, key)
            found.append((int(key), parent[key]))
        return sorted(found, key=lambda entry: entry[0])

    def number(self, group: h5py.Group, name: str) -> float:
        value = group.attrs.get(name) if name in group.attrs else None
        if not isinstance(value, (np.number, int, float)) or not math.isfinite(value):
            raise self.fail("is missing or not a number", group, f"@{name}")
        return float(value)

    def text(self, group: h5py.Group, name: str, allowed: Mapping[str, int] | None = None) -> str:
        value = group.attrs.get(name)
        if not isinstance(value, str) or (allowed is not None and value not in allowed):
            raise self.fail("is missing or unknown", group, f"@{name}", value=repr(value))
        return value

    def array(
        self, group: h5py.Group, name: str, kind: str, shape: tuple[int | None, ...], most: int
    ) -> NDArray[Any]:
        data = group.get(name) if isinstance(group.get(name, getlink=True), h5py.HardLink) else None
        if (
            not isinstance(data, h5py.Dataset)
            or data.dtype.kind not in kind
            or data.is_virtual
            or data.external
        ):
            raise self.fail("is missing or not an array of its kind", group, name)
        fits = len(data.shape) == len(shape) and all(
            s in (None, d) for s, d in zip(shape, data.shape, strict=True)
        )
        if not fits or data.size > most:
            raise self.fail("has the wrong shape", group, name, value=data.shape, limit=shape)
        values = data[()]
        if kind == "f" and not np.isfinite(values).all():
            raise self.fail("holds NaN or infinity", group, name)
        return np.asarray(values)

    def index(
        self, group: h5py.Group, name: str, length: int | None, most: int, below: int
    ) -> NDArray[np.int32]:
        values = self.array(group, name, "iu", (length,), most)
        if values.size == 0 or values.min() < 0 or values.max() >= below:
            raise self.fail("is empty or out of range", group, name, limit=f"0 to {below - 1}")
        return values.astype(np.int32)

    def block(
        self,
        group: h5py.Group,
        tiles: list[tuple[int, h5py.Group]],
        shape: TileShape,
        sizes: Mapping[str, int],
    ) -> Block:
        pre, post = self.text(group, "pre", sizes), self.text(group, "post", sizes)
        neuron = self.index(group, "neuron", None, shape.pairs, sizes[post])
        scale = self.array(group, "scale_S", "f", (len(neuron),), shape.pairs).astype(np.float64)
        if (scale <= 0).any():
            raise self.fail("must be positive", group, "scale_S")
        first = tiles[0][0]
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("pre", "delay", "g_target", "program")}
        full_scale = []
        for i, (number, tile) in enumerate(tiles):
            rows = len(self.index(tile, "pre", None, shape.rows, sizes[pre]))
            if number != first + i or (i < len(tiles) - 1 and rows != shape.rows):
                raise self.fail("the tiles of a block are not consecutive and full", tile, "pre")
            parts["pre"].append(self.index(tile, "pre", rows, shape.rows, sizes[pre]))
            parts["delay"].append(self.index(tile, "delay", rows, shape.rows, limits()["delay_steps"] + 1))
            size = (rows, 2 * len(neuron))
            target = self.array(tile, "g_target", "f", size, shape.rows * shape.columns)
            if (target < 0).any():
                raise self.fail("must not be negative", tile, "g_target")
            parts["g_target"].append(target)
            parts["program"].append(self.array(tile, "program", "u", size, shape.rows * shape.columns))
            full_scale.append(self.number(tile, "adc_full_scale_A"))
        return Block(
            projection=self.text(group, "projection"),
            pre=pre,
            post=post,
            first_tile=first,
            neuron=neuron,
            scale=scale,
            line_pre=np.concatenate(parts["pre"]),
            line_delay=np.concatenate(parts["delay"]),
            target=np.concatenate(parts["g_target"]).astype(np.float32),
            programmed=np.concatenate(parts["program"]) != 0,
            full_scale=np.array(full_scale),
        )


def profile_toml(profile: Profile) -> str:
    """The profile as a file that `read_profile` reads, with the source of every number."""
    lines = [f"name = {_toml(profile.name)}", f"description = {_toml(profile.description)}"]
    for section, keys in KEYS.items():
        part = profile if section == "cell" else getattr(profile, section)
        lines += ["", f"[{section}]"]
        for key, attribute in keys.items():
            value = getattr(part, attribute)
            if attribute == "model":
                lines.append(f"model = {_toml(value.value)}")
            elif value is not None:
                shown = [float(f"{c * 1e6:.12g}") for c in value] if key == "sigma_uS" else value
                source = profile.sources.get(f"{section}.{key}", "default: no such effect")
                lines.append(f"{key} = {{ value = {_toml(shown)}, source = {_toml(source)} }}")
    return "\n".join(lines) + "\n"


def pulse_toml(profile: Profile) -> str:
    """The pulse settings of the profile, as they stand there."""
    lines = ["# Settings for the programmer. Ranges are start, stop, step."]
    lines += [f"{k} = {_toml(v)}" for k, v in profile.pulse.items() if not isinstance(v, Mapping)]
    lines.append(f"read_voltage_V = {_toml(profile.read_voltage)}")
    for section, table in profile.pulse.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{section}]", *(f"{k} = {_toml(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, (bool, int)):
        return str(value).lower()
    return repr(float(value))
