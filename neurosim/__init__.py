"""neurosim: describe a spiking network once; simulate it, train it, and deploy it to neuromorphic hardware.

Names are imported when they are first used, so ``import neurosim`` is light.
"""

from __future__ import annotations

import importlib
import pathlib
from typing import Any

_root = pathlib.Path(__file__).resolve().parent.parent
if (_root / "hardware" / "__init__.py").is_file() and (_root / "pyproject.toml").is_file():
    __path__[:] = [
        str(_root / "neurosim"),
        str(_root),
    ]  # a checkout: hardware/ and datasets/ lie beside neurosim/

__version__ = "0.1.0"

_HOME = {
    "AllToAll": "connectivity",
    "Binning": "spikes",
    "Convolution2d": "connectivity",
    "CurrentLIF": "neurons",
    "Discretisation": "neurons",
    "FixedProbability": "connectivity",
    "IntegrateAndFire": "neurons",
    "LIF": "neurons",
    "LeakyIntegrator": "neurons",
    "Network": "network",
    "NeuronModel": "neurons",
    "Normal": "connectivity",
    "OneToOne": "connectivity",
    "Record": "engine",
    "Recording": "engine",
    "RefractoryInput": "neurons",
    "Reset": "neurons",
    "ResetTiming": "neurons",
    "Rounding": "connectivity",
    "STDP": "plasticity",
    "Sparse": "connectivity",
    "SpikeWhen": "neurons",
    "Spikes": "spikes",
    "Uniform": "connectivity",
    "simulate": "engine",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"neurosim.{_HOME[name]}"), name)
    raise AttributeError(f"module 'neurosim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
