"""Catalogue: data sets by name, each with a card that says what it holds, under which licence and where it is from."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from neurosim.datasets.labelled import EventDataset, Labelled, SpikeDataset
from neurosim.errors import DataError
from neurosim.spikes import Binning, step_of

__all__ = ["CATALOGUE", "Card", "load", "load_spikes"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A data set in the catalogue.

    Attributes:
        holds: what is in it, in a sentence.
        splits: names that `load` takes, the default first.
        licence, source: of the data.
        needs: where it comes from: the extra of this package or the file in the folder named by NEUROSIM_DATA.
        loader: "module:function"; called as ``function(split, **options)``.
    """

    holds: str
    splits: tuple[str, ...]
    licence: str
    source: str
    needs: str
    loader: str


_CARDS = {
    "digits": Card(
        holds="1797 handwritten digits, 8 x 8, seen by a moving event camera of 16 x 16 pixels for 300 ms",
        splits=("train", "test", "all"),
        licence="CC BY 4.0 (images)",
        source="E. Alpaydin, C. Kaynak, Optical recognition of handwritten digits, UCI, 1998, as held by scikit-learn",
        needs="extra 'liquid'",
        loader="neurosim.datasets.digits:digit_recordings",
    ),
    "nmnist": Card(
        holds="1000 recordings of MNIST digits by an ATIS camera during three saccades, 34 x 34 pixels, 310 ms",
        splits=("train", "test", "all"),
        licence="CC BY-SA 4.0",
        source="G. Orchard et al., Front. Neurosci. 9:437, 2015; the first 1000 training digits",
        needs="nmnist_1000.npz",
        loader="neurosim.datasets.packs:nmnist",
    ),
    "dvs_gesture10": Card(
        holds="ten gestures in front of a DVS128 camera, 128 x 128 pixels, 1.45 s, one a class",
        splits=("all",),
        licence="CC BY 4.0",
        source="A. Amir et al., A low power, fully event-based gesture recognition system, CVPR 2017",
        needs="dvs_gesture10.npz",
        loader="neurosim.datasets.packs:dvs_gesture10",
    ),
    "mnist": Card(
        holds="70 000 images of handwritten digits, 28 x 28",
        splits=("train", "test"),
        licence="CC BY-SA 3.0",
        source="Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, 1998",
        needs="mnist.npz",
        loader="neurosim.datasets.packs:mnist",
    ),
    "fashion_mnist": Card(
        holds="70 000 images of clothes, 28 x 28",
        splits=("train", "test"),
        licence="MIT",
        source="H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747, 2017",
        needs="fashion_mnist.npz",
        loader="neurosim.datasets.packs:fashion_mnist",
    ),
    "yin_yang": Card(
        holds="points of the yin-yang figure, 4 values, 3 classes",
        splits=("train", "validation", "test"),
        licence="MIT",
        source="L. Kriener, J. Goeltz, M. A. Petrovici, The Yin-Yang dataset, NICE 2022",
        needs="yin_yang.npz",
        loader="neurosim.datasets.packs:yin_yang",
    ),
    "nordland": Card(
        holds="1800 places along a railway in summer and in winter, 64 x 32 pixels",
        splits=("reference", "query"),
        licence="NRK, Creative Commons",
        source="N. Suenderhauf, P. Neubert, P. Protzel, Are we there yet?, ICRA workshop 2013",
        needs="nordland_1800.npz",
        loader="neurosim.datasets.packs:nordland",
    ),
    "fsdd": Card(
        holds="3000 spoken digits of six speakers, 8 kHz",
        splits=("train", "test", "all"),
        licence="CC BY-SA 4.0",
        source="Z. Jackson et al., Free Spoken Digit Dataset",
        needs="fsdd.npz or its repository",
        loader="neurosim.datasets.packs:fsdd",
    ),
    "spoken_digits": Card(
        holds="the 3000 recordings of fsdd as a spiking cochlea of 3 x 64 cells hears them",
        splits=("train", "test", "all"),
        licence="CC BY-SA 4.0 (sounds)",
        source="Z. Jackson et al., Free Spoken Digit Dataset",
        needs="fsdd.npz or its repository",
        loader="neurosim.datasets.spoken:spoken_digits",
    ),
}
CATALOGUE: Mapping[str, Card] = MappingProxyType(_CARDS)
"""All data sets that `load` knows, by name."""


def load(name: str, split: str | None = None, **options: Any) -> Labelled:
    """A data set by its name in `CATALOGUE`.

    Args:
        split: one of the card's; None takes the first.
        options: of the loader, e.g. ``retina=`` for "digits".

    Raises:
        DataError: no such data set or split, or its file is missing.
    """
    if name not in CATALOGUE:
        raise DataError("no such data set", where="load", value=name, limit=", ".join(CATALOGUE))
    card = CATALOGUE[name]
    module, function = card.loader.split(":")
    data: Labelled = getattr(importlib.import_module(module), function)(split or card.splits[0], **options)
    return data


def load_spikes(
    name: str,
    split: str | None = None,
    *,
    dt: float = 5e-3,
    duration: float = 0.3,
    binning: Binning = Binning.MERGE,
    **options: Any,
) -> SpikeDataset:
    """A data set of recordings by its name, on a grid of ``round(duration/dt)`` steps. Later events are cut off."""
    data = load(name, split, **options)
    if not isinstance(data, EventDataset):
        raise DataError(
            "holds no events",
            where=name,
            value=type(data).__name__,
            remedy="Encode it: neurosim.datasets.encoders",
        )
    steps = round(duration / dt)
    on_time = data.map(lambda events: events.take(step_of(events.t, dt) < steps))
    return on_time.to_spikes(dt=dt, steps=steps, binning=binning)
