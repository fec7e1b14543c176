"""The data of a recipe: training, validation and test sets on its time grid, by name."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from benchmarks.accuracy.commands import speech_commands
from benchmarks.accuracy.parts import Parts
from benchmarks.accuracy.recipe import Data
from neurosim.cache_folder import cache_folder
from neurosim.datasets import (
    EventDataset,
    SpikeDataset,
    crop_time,
    downsample,
    from_tonic,
    latency,
    load,
    spoken_digits,
)
from neurosim.datasets.spoken import SPEAKERS
from neurosim.errors import DataError
from neurosim.spikes import Binning

__all__ = ["SOURCES", "open_data"]

ZENKE = "https://zenkelab.org/datasets/"


def open_data(data: Data) -> Parts:
    """The data set of a recipe.

    Raises:
        DataError: no such data set, or its files are not there; says where to get them and where to put them.
    """
    if data.name not in SOURCES:
        raise DataError("no such data set", where="recipe", value=data.name, limit=", ".join(SOURCES))
    return SOURCES[data.name](data)


def _gridded(found: EventDataset, data: Data) -> SpikeDataset:
    """Events before the end of the grid, channels merged, on the grid."""
    binning = Binning.COUNT if data.counts else Binning.MERGE
    end = data.dt * data.steps
    short = found.map(lambda events: downsample(crop_time(events, stop=end), data.merge))
    return short.to_spikes(dt=data.dt, steps=data.steps, binning=binning)


def _spoken_digits(data: Data) -> Parts:
    speaker = data.name.partition(":")[2] or None
    train, test = (_gridded(spoken_digits(split, without=speaker), data) for split in ("train", "test"))
    return Parts(train=train, test=test)


def _heidelberg(data: Data) -> Parts:
    """SHD or SSC as tonic reads them; tonic's download is the user's to start."""
    splits = {"train": "train"} | ({"validation": "valid"} if data.name == "SSC" else {}) | {"test": "test"}
    folder = cache_folder() / "tonic" / data.name
    for split in splits.values():
        file = f"{data.name.lower()}_{split}.h5"
        if not (folder / file).is_file():
            raise DataError(
                "data set not found",
                where=data.name,
                value=f"no {file} in {folder}",
                remedy=f"Unpack {ZENKE}{file}.zip there (keep the .zip beside it, tonic looks for it), or run "
                f"python -c \"from neurosim.datasets import from_tonic; from_tonic('{data.name}', split='{split}')\"",
            )
    return Parts(
        **{part: _gridded(from_tonic(data.name, split=split), data) for part, split in splits.items()}
    )


def _nmnist(data: Data) -> Parts:
    return Parts(train=_gridded(load("nmnist", "train"), data), test=_gridded(load("nmnist", "test"), data))  # type: ignore[arg-type]


def _yin_yang(data: Data) -> Parts:
    """Each value one spike, early for large ones, and a fifth input that spikes in the first step."""

    def spikes(split: str) -> SpikeDataset:
        points = load("yin_yang", split)
        values = np.concatenate([points.data, np.ones((len(points), 1))], axis=1)  # type: ignore[attr-defined]
        return SpikeDataset(
            name="yin_yang",
            split=split,
            labels=points.labels,
            class_names=points.class_names,
            spikes=latency(values, steps=data.steps, dt=data.dt),
        )

    return Parts(train=spikes("train"), validation=spikes("validation"), test=spikes("test"))


SOURCES: MappingProxyType[str, Callable[[Data], Parts]] = MappingProxyType(
    {
        "spoken_digits": _spoken_digits,
        **{f"spoken_digits:{speaker}": _spoken_digits for speaker in SPEAKERS},
        "SHD": _heidelberg,
        "SSC": _heidelberg,
        "GSC": speech_commands,
        "nmnist": _nmnist,
        "yin_yang": _yin_yang,
    }
)
"""Name -> how it is opened. ``spoken_digits:NAME`` leaves that speaker out."""
