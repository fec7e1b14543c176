"""Accuracy of the demo's network on crossbars whose device noise is scaled up and down."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.cli.demo.deployment import deploy, run_devices
from neurosim.network import Network
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.crossbar import Profile

__all__ = ["noise_sweep", "scaled"]


def scaled(profile: Profile, factor: float) -> Profile:
    """The cell with programming error and read noise times ``factor``; drift and stuck cells stay."""
    noise = profile.read_noise
    return profile.replace(
        name=f"{profile.name} x {factor:g}",
        programming=profile.programming.replace(sigma=tuple(factor * c for c in profile.programming.sigma)),
        read_noise=noise.replace(
            additive=factor * noise.additive, q_scale=factor * noise.q_scale, q_limit=factor * noise.q_limit
        ),
    )


def noise_sweep(
    net: Network,
    calibration: Spikes,
    test: Spikes,
    labels: Any,
    *,
    factors: Sequence[float],
    devices: int,
) -> dict[str, Any]:
    """Mean, lowest and highest accuracy over devices at each multiple of the profile's noise."""
    from neurosim.hardware.crossbar import Crossbar

    cell = Crossbar().cell
    each = []
    for factor in factors:
        with tempfile.TemporaryDirectory() as folder:
            target = Crossbar(profile=scaled(cell, factor))
            deployment = deploy("crossbar", net, target, calibration, Path(folder) / "build")
            run = run_devices(deployment, test, list(range(devices)))
        each.append((run.predicted == labels).mean(1))
    return {
        "label": f"device noise, multiples of {cell.name}",
        "levels": list(factors),
        "mean": [float(a.mean()) for a in each],
        "low": [float(a.min()) for a in each],
        "high": [float(a.max()) for a in each],
        "accuracies": [a.tolist() for a in each],
        "text": f"Mean and range over {devices} devices on {test.samples} held-out samples. At 1 the cells are "
        f"{cell.name}: {cell.description}.",
    }
