"""The manifest: what a build folder holds, with a hash for every file. Written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from neurosim.errors import DescriptionError, FileFormatError

__all__ = ["FORMAT", "Manifest", "PopulationEntry", "read_manifest", "write_folder"]

FORMAT = 1
MAX_MANIFEST_BYTES = 64 * 2**20
MAX_LAG = 2**16
"""Steps that a machine may be behind network time; every run is as much longer."""
FileContent = bytes | str | Callable[[Path], None]
"""What a build puts into a file: its content, or a function that writes it to a path."""


@dataclass(frozen=True, kw_only=True)
class PopulationEntry:
    """An input or population as the host sees it.

    ``lag``: steps by which the machine is behind network time. A recorded device variable is
    (network value - offset) * scale, with one ``scale`` and ``offset`` a variable in ``states``.
    """

    shape: tuple[int, ...]
    lag: int = 0
    states: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """variable -> (scale, offset)"""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of ``manifest.json``; see docs/contracts.md, section 11."""

    target: str
    profile: str
    dt: float
    inputs: Mapping[str, PopulationEntry]
    populations: Mapping[str, PopulationEntry]
    outputs: tuple[str, ...]
    network: str = ""
    neurosim: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    losses: tuple[Mapping[str, Any], ...] = ()
    usage: tuple[Mapping[str, Any], ...] = ()
    layout: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def max_lag(self) -> int:
        """Extra steps a run needs so that every population reaches the last network step."""
        return max((p.lag for p in (*self.inputs.values(), *self.populations.values())), default=0)

    def to_json(self) -> str:
        """Sorted keys, so that equal manifests are equal files."""
        return json.dumps(asdict(self), sort_keys=True, indent=1) + "\n"


def write_folder(
    folder: str | os.PathLike[str], manifest: Manifest, files: Mapping[str, FileContent]
) -> Manifest:
    """Write a build folder: all files, then the manifest with their hashes. Replaces an older build of ours,
    nothing else.

    Raises:
        DescriptionError: the folder exists and is not a build, or a file name leaves it.
    """
    target = Path(folder)
    if target.exists() and not (
        (target / "manifest.json").is_file() or (target.is_dir() and not any(target.iterdir()))
    ):
        raise DescriptionError(
            "exists and is not a build folder", where=str(target), remedy="Choose another place or remove it"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        staged = Path(scratch) / "build"
        staged.mkdir()
        entries: dict[str, dict[str, Any]] = {}
        for name, content in files.items():
            path = _inside(staged, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if callable(content):
                content(path)
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            entries[name] = {"sha256": _sha256(path), "bytes": path.stat().st_size}
        done = Manifest(**{**_fields(manifest), "files": entries})
        (staged / "manifest.json").write_text(done.to_json(), encoding="utf-8")
        old = Path(scratch) / "old"
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(staged, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
    return done


def read_manifest(folder: str | os.PathLike[str]) -> Manifest:
    """Read and verify a build folder: format, paths, sizes and hashes.

    Raises:
        FileFormatError: anything missing, foreign, truncated or changed.
    """
    root = Path(folder)
    path = root / "manifest.json"
    if not path.is_file():
        raise FileFormatError("is not a build folder: manifest.json is missing", where=str(root))
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise FileFormatError(
            "manifest.json is too large", where=str(root), limit=f"{MAX_MANIFEST_BYTES} bytes"
        )
    try:
        manifest = _parsed(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"cannot be read: {error}", where=str(path)) from None
    for name, entry in manifest.files.items():
        file = _inside(root, name)
        if not file.is_file():
            raise FileFormatError("a file of the build is missing", where=str(file))
        if not file.resolve().is_relative_to(root.resolve()):
            raise FileFormatError(
                "a link leaves the build folder", where=str(file), value=str(file.resolve())
            )
        if file.stat().st_size != entry["bytes"] or _sha256(file) != entry["sha256"]:
            raise FileFormatError(
                "a file is truncated or was changed since it was written",
                where=str(file),
                value=f"{file.stat().st_size} bytes",
                limit=f"{entry['bytes']} bytes, sha256 {entry['sha256'][:12]}...",
                remedy="Compile again",
            )
    return manifest


def _parsed(data: Any, where: str) -> Manifest:
    """The manifest of a JSON value; anything that `write_folder` cannot have written raises."""
    if data["format"] != FORMAT:
        raise FileFormatError("unknown format", where=where, value=data["format"], limit=FORMAT)
    for group in ("inputs", "populations"):
        data[group] = {
            name: _entry(entry, f"{where}, {group} {name!r}") for name, entry in data[group].items()
        }
    for name in ("outputs", "losses", "usage", "layout"):
        data[name] = tuple(data[name])
    for entry in data["files"].values():
        if not (isinstance(entry["bytes"], int) and isinstance(entry["sha256"], str)):
            raise FileFormatError("a file without size and hash", where=where, value=entry)
    manifest = Manifest(**data)
    if not (isinstance(manifest.dt, float) and 0 < manifest.dt < math.inf):
        raise FileFormatError("the time step must be positive", where=where, value=manifest.dt, limit="> 0 s")
    names = (manifest.target, manifest.profile)
    if not (all(isinstance(name, str) for name in names) and isinstance(manifest.settings, dict)):
        raise FileFormatError("names no target and profile, or holds no settings", where=where, value=names)
    if unknown := set(manifest.outputs) - set(manifest.populations):
        raise FileFormatError("an output is not a population", where=where, value=sorted(unknown))
    return manifest


def _entry(entry: Any, where: str) -> PopulationEntry:
    shape, lag = tuple(entry["shape"]), entry["lag"]
    if not all(isinstance(n, int) and n > 0 for n in shape) or math.prod(shape) >= 2**31:
        raise FileFormatError("is not a shape", where=where, value=shape)
    if not (type(lag) is int and 0 <= lag <= MAX_LAG):
        raise FileFormatError("a lag is a number of steps", where=where, value=lag, limit=f"0 to {MAX_LAG}")
    states = {v: (float(scale), float(offset)) for v, (scale, offset) in entry["states"].items()}
    for scale, offset in states.values():
        if scale == 0 or not (math.isfinite(scale) and math.isfinite(offset)):
            raise FileFormatError(
                "cannot be undone", where=f"{where}, scale and offset", value=(scale, offset)
            )
    return PopulationEntry(shape=shape, lag=lag, states=states)


def _inside(root: Path, name: str) -> Path:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or name == "manifest.json" or "\\" in name:
        raise FileFormatError("a file name leaves the build folder", where=str(root), value=name)
    return root / pure


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _fields(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in manifest.__dataclass_fields__}
