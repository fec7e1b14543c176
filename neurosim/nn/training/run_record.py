"""``run.json``: what it takes to repeat a training, and what came out. It names no folder and no machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from neurosim.atomic_file import write_atomically
from neurosim.nn.training.history import Epoch
from neurosim.processors import processors, thread_count
from neurosim.spikes import Spikes

__all__ = ["FORMAT", "fingerprint", "plain_text", "run_record", "write_run"]

FORMAT = "neurosim-run-1"
_PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "triton")


def fingerprint(spikes: Spikes, labels: ArrayLike | None = None) -> str:
    """SHA-256 of spikes and labels: equal for equal data, whatever file they came from."""
    digest = hashlib.sha256()
    frame = (spikes.shape, repr(spikes.dt), spikes.steps, spikes.samples)
    digest.update(repr(frame).encode())
    for vector in (spikes.sample, spikes.step, spikes.neuron):
        digest.update(np.ascontiguousarray(vector, "<i4").data)
    if spikes.count is not None:
        digest.update(np.ascontiguousarray(spikes.count, "<i4").data)
    if labels is not None:
        digest.update(np.ascontiguousarray(labels, "<i8").data)
    return digest.hexdigest()


def plain_text(thing: object) -> str:
    """Its text without addresses in memory: the same in another process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(thing))


def run_record(
    module: torch.nn.Module,
    settings: Mapping[str, Any],
    history: Sequence[Epoch] = (),
    *,
    world: int = 1,
    command: Sequence[str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Plain values: versions, command, settings (with seed and data), module, host facts that change results or
    times, and the history.

    Args:
        command: default: this process's arguments, absolute paths reduced to their last part.
        extra: entries of your own.
    """
    parameters = {name: list(p.shape) for name, p in module.named_parameters()}
    first = next(module.parameters())
    return {
        "format": FORMAT,
        "command": [_last_part(a) for a in (sys.argv if command is None else command)],
        "versions": _versions(),
        "settings": dict(settings),
        "module": {
            "text": plain_text(module),
            "parameters": sum(p.numel() for p in module.parameters()),
            "shapes": parameters,
        },
        "host": {
            "system": platform.system(),
            "machine": platform.machine(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "processors": processors(),
            "threads": thread_count(),
            "processes": world,
            "device": first.device.type
            if first.device.type == "cpu"
            else torch.cuda.get_device_name(first.device),
            "precision": str(first.dtype).removeprefix("torch."),
        },
        **(extra or {}),
        "history": [epoch.to_json() for epoch in history],
    }


def write_run(path: str | os.PathLike[str], record: Mapping[str, Any]) -> None:
    """Write it, whole or not at all; what is not finite becomes null."""
    text = json.dumps(_finite(record), indent=1, allow_nan=False)
    write_atomically(path, f"{text}\n".encode())


def _versions() -> dict[str, str]:
    from neurosim import __version__

    found = {"neurosim": __version__, "python": platform.python_version(), "torch": torch.__version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _last_part(argument: str) -> str:
    return re.sub(r"(^|[=:,])/[^=:,]*/", r"\1", argument)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
