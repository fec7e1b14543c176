"""Packs: data sets as .npz files in the folder named by the environment variable NEUROSIM_DATA. No pickle, no download.

Ragged arrays are stored flat: item i is ``flat[offsets[i]:offsets[i+1]]``. Event packs hold x, y, p as uint8 (p = 1 is
brighter) and t as uint32 microseconds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.datasets.events import Events
from neurosim.datasets.formats.fsdd_wav import read_fsdd
from neurosim.datasets.labelled import ArrayDataset, EventDataset, SoundDataset
from neurosim.datasets.npz import Axis, read_npz
from neurosim.errors import DataError, FileFormatError

__all__ = [
    "data_folder",
    "dvs_gesture10",
    "fashion_mnist",
    "fsdd",
    "lens",
    "mnist",
    "nmnist",
    "nordland",
    "yin_yang",
]

Arrays = Mapping[str, tuple[str, tuple[Axis, ...]]]
DIGITS = tuple(map(str, range(10)))
FSDD_URL = "https://github.com/Jakobovski/free-spoken-digit-dataset"
FSDD_RECORDINGS = 3000
_EVENTS: Arrays = {
    "x": ("u", ("events",)),
    "y": ("u", ("events",)),
    "p": ("u", ("events",)),
    "t": ("u", ("events",)),
    "offsets": ("i", ("ends",)),
    "label": ("u", ("samples",)),
    "sensor_size": ("i", (3,)),
}


def data_folder() -> Path:
    """The folder named by NEUROSIM_DATA.

    Raises:
        DataError: the variable is not set or names no folder.
    """
    value = os.environ.get("NEUROSIM_DATA")
    if not value or not Path(value).is_dir():
        raise DataError(
            "no folder of data sets",
            where="environment variable NEUROSIM_DATA",
            value=value or "not set",
            remedy="Set it to the folder that holds the .npz packs; the event digits need none",
        )
    return Path(value)


def nmnist(split: str = "train") -> EventDataset:
    """N-MNIST: MNIST digits in front of an ATIS camera that makes three saccades; 34 x 34 pixels, about 310 ms.

    The pack ``nmnist_1000.npz`` holds the first 1000 digits of the official training set: "train" is the first 900,
    "test" the last 100, "all" all of them.
    """
    return _recordings(
        "nmnist", "nmnist_1000.npz", split, {"train": (0, 900), "test": (900, 1000)}, 1000, DIGITS
    )


def dvs_gesture10(split: str = "all") -> EventDataset:
    """DVS128 Gesture: ten clips of 1.45 s, one a class, 128 x 128 pixels. For demonstrations; only the split "all"."""
    _known("dvs_gesture10", split, ("all",))
    names = read_npz(_file("dvs_gesture10.npz"), {"class_names": ("U", (10,))})["class_names"]
    return _recordings("dvs_gesture10", "dvs_gesture10.npz", split, {}, 10, tuple(map(str, names)))


def mnist(split: str = "train") -> ArrayDataset:
    """MNIST: images uint8 ``[n, 28, 28]``, 60 000 "train" and 10 000 "test"."""
    return _images("mnist", split, DIGITS)


def fashion_mnist(split: str = "train") -> ArrayDataset:
    """Fashion-MNIST: images uint8 ``[n, 28, 28]``, 60 000 "train" and 10 000 "test"."""
    names = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    return _images("fashion_mnist", split, names)


def yin_yang(split: str = "train") -> ArrayDataset:
    """Yin-Yang: float64 ``[n, 4]`` (x, y, 1 - x, 1 - y), 5000 "train", 1000 "validation" and 1000 "test"."""
    _known("yin_yang", split, ("train", "validation", "test"))
    n = 5000 if split == "train" else 1000
    arrays: Arrays = {f"samples_{split}": ("f", (n, 4)), f"labels_{split}": ("i", (n,))}
    pack = read_npz(_file("yin_yang.npz"), arrays)
    return ArrayDataset(
        name="yin_yang",
        split=split,
        data=pack[f"samples_{split}"],
        labels=pack[f"labels_{split}"],
        class_names=("yin", "yang", "dot"),
    )


def nordland(split: str = "reference") -> ArrayDataset:
    """Nordland: places along a railway, summer ("reference") and winter ("query"), uint8 ``[1800, 32, 64]``."""
    season = {"reference": "summer", "query": "winter"}
    _known("nordland", split, tuple(season))
    pack = read_npz(
        _file("nordland_1800.npz"), {season[split]: ("u", ("n", 32, 64)), "place": ("iu", ("n",))}
    )
    places = pack["place"].astype(np.int64)
    names = tuple(map(str, range(int(places.max(initial=-1)) + 1)))
    return ArrayDataset(
        name="nordland", split=split, data=pack[season[split]], labels=places, class_names=names
    )


def fsdd(split: str = "train") -> SoundDataset:
    """Free Spoken Digit Dataset: ten digits, six speakers, 8 kHz; "train" 2700, "test" 300 (takes 0 to 4), "all".

    From the pack ``fsdd.npz``, or else from a copy of its repository, the folder ``free-spoken-digit-dataset``.
    """
    _known("fsdd", split, ("train", "test", "all"))
    pack = _spoken()
    cuts = _cuts("fsdd", pack["offsets"], len(pack["audio"]))
    if pack["speaker"].max() >= len(pack["speaker_names"]):
        raise FileFormatError("a speaker without a name", where="fsdd.npz", value=int(pack["speaker"].max()))
    pack["audio"].setflags(write=False)
    takes = pack["take"].astype(np.int64)
    data = SoundDataset(
        name="fsdd",
        split=split,
        sounds=tuple(pack["audio"][a:b] for a, b in cuts),
        rate=int(pack["rate"]),
        labels=pack["label"],
        speakers=tuple(str(pack["speaker_names"][s]) for s in pack["speaker"]),
        takes=takes,
        class_names=DIGITS,
    )
    return data if split == "all" else data.select((takes < 5) == (split == "test"))


def _spoken() -> dict[str, NDArray[Any]]:
    """The arrays of the pack, wherever they are from."""
    file, clone = data_folder() / "fsdd.npz", data_folder() / "free-spoken-digit-dataset" / "recordings"
    if file.is_file():
        return read_npz(
            file,
            {
                "audio": ("i", ("audio",)),
                "offsets": ("i", (3001,)),
                "label": ("u", (3000,)),
                "speaker": ("u", (3000,)),
                "take": ("u", (3000,)),
                "speaker_names": ("U", ("speakers",)),
                "rate": ("i", ()),
            },
        )
    if not clone.is_dir():
        raise DataError(
            "data set not found",
            where="fsdd",
            value=f"neither fsdd.npz nor free-spoken-digit-dataset in {file.parent} (NEUROSIM_DATA)",
            remedy=f"In that folder: git clone {FSDD_URL} (CC BY-SA 4.0, 3000 recordings)",
        )
    pack = read_fsdd(clone)
    if len(pack["label"]) != FSDD_RECORDINGS:
        raise FileFormatError(
            "is another version",
            where="free-spoken-digit-dataset",
            value=f"{len(pack['label'])} recordings",
            limit=FSDD_RECORDINGS,
        )
    return pack


def lens() -> Mapping[str, NDArray[Any]]:
    """Event-camera place recognition (LENS): counts of events per place and their ground truth, uint8, by name.

    ``brisbane_*`` are traverses ``[places, 7, 7]``, ``indoor_*`` and ``example_*`` ``[places, 80, 80]``;
    ``gt_A_x_B [places of A, places of B]`` is 1 where two places are the same.
    """
    places = {"sunset1": 724, "sunset2": 641}
    shapes: dict[str, tuple[Axis, ...]] = {f"brisbane_{name}": (n, 7, 7) for name, n in places.items()}
    shapes |= {f"brisbane_b_{name}": (n, 7, 7) for name, n in (places | {"daytime": 724}).items()}
    shapes |= {"indoor_reference": (309, 80, 80), "indoor_query": (312, 80, 80)}
    shapes |= {"example_reference": (100, 80, 80), "example_query": (100, 80, 80), "gt_example": (100, 100)}
    shapes |= {"gt_sunset1_x_sunset2": (724, 641), "gt_b_sunset1_daytime": (724, 724)}
    shapes |= {"gt_b_sunset2_daytime": (724, 641), "gt_b_sunset2_sunset1": (724, 641)}
    pack = read_npz(_file("lens_event_vpr.npz"), {name: ("u", shape) for name, shape in shapes.items()})
    for array in pack.values():
        array.setflags(write=False)
    return MappingProxyType(pack)


def _file(name: str) -> Path:
    file = data_folder() / name
    if not file.is_file():
        raise DataError(
            "data set not found",
            where=str(name),
            value=f"no such file in the folder named by NEUROSIM_DATA ({file.parent})",
            remedy="Put the pack there, or set NEUROSIM_DATA to the folder that holds it",
        )
    return file


def _known(name: str, split: str, splits: tuple[str, ...]) -> None:
    if split not in splits:
        raise DataError("no such split", where=name, value=split, limit=", ".join(splits))


def _cuts(file: str, offsets: NDArray[Any], total: int) -> list[tuple[int, int]]:
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != total or (np.diff(offsets) < 0).any():
        raise FileFormatError(
            "offsets do not divide the flat arrays", where=file, limit=f"0 to {total}, increasing"
        )
    ends = offsets.tolist()
    return list(pairwise(ends))


def _recordings(
    name: str,
    file: str,
    split: str,
    splits: Mapping[str, tuple[int, int]],
    samples: int,
    class_names: tuple[str, ...],
) -> EventDataset:
    splits = {**splits, "all": (0, samples)}
    _known(name, split, tuple(splits))
    pack = read_npz(_file(file), _EVENTS)
    cuts = _cuts(file, pack["offsets"], len(pack["t"]))
    if not len(cuts) == len(pack["label"]) == samples:
        raise FileFormatError("wrong number of recordings", where=file, value=len(cuts), limit=samples)
    width, height, polarities = (int(n) for n in pack["sensor_size"])
    first, last = splits[split]
    recordings = []
    for i, (a, b) in enumerate(cuts[first:last], start=first):
        try:
            recordings.append(Events(*(pack[c][a:b] for c in "txyp"), shape=(polarities, height, width)))
        except DataError as wrong:
            raise FileFormatError(f"recording {i} is invalid: {wrong}", where=file) from None
    labels = pack["label"][first:last]
    return EventDataset(
        name=name, split=split, recordings=tuple(recordings), labels=labels, class_names=class_names
    )


def _images(name: str, split: str, class_names: tuple[str, ...]) -> ArrayDataset:
    _known(name, split, ("train", "test"))
    n = 60_000 if split == "train" else 10_000
    arrays: Arrays = {f"x_{split}": ("u", (n, 28, 28)), f"y_{split}": ("u", (n,))}
    pack = read_npz(_file(f"{name}.npz"), arrays)
    return ArrayDataset(
        name=name, split=split, data=pack[f"x_{split}"], labels=pack[f"y_{split}"], class_names=class_names
    )
