"""Event data: containers, sensors and named data sets. Installed as ``neurosim.datasets``."""

from __future__ import annotations

if __name__ == "datasets":
    raise ImportError(
        "this folder is imported as neurosim.datasets; run from outside the repository or use python -P"
    )

import importlib
from typing import Any

_HOME = {
    "CATALOGUE": "catalogue",
    "ArrayDataset": "labelled",
    "Card": "catalogue",
    "EventDataset": "labelled",
    "Events": "events",
    "Profile": "saccades",
    "Retina": "retina",
    "Saccades": "saccades",
    "SoundDataset": "labelled",
    "SpikeDataset": "labelled",
    "crop_space": "transforms",
    "crop_time": "transforms",
    "digit_recordings": "digits",
    "downsample": "transforms",
    "event_digits": "digits",
    "from_tonic": "tonic",
    "latency": "encoders",
    "load": "catalogue",
    "load_spikes": "catalogue",
    "merge_polarity": "transforms",
    "poisson": "encoders",
    "to_spikes": "events",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"neurosim.datasets.{_HOME[name]}"), name)
    raise AttributeError(f"module 'neurosim.datasets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
