"""Event data: containers, sensors and named data sets. Installed as ``neurosim.datasets``."""

from __future__ import annotations

if __name__ == "datasets":
    raise ImportError(
        "this folder is imported as neurosim.datasets; run from outside the repository or use python -P"
    )

from typing import TYPE_CHECKING

from neurosim.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.datasets.catalogue import (
        CATALOGUE as CATALOGUE,
        Card as Card,
        load as load,
        load_spikes as load_spikes,
    )
    from neurosim.datasets.digits import digit_recordings as digit_recordings, event_digits as event_digits
    from neurosim.datasets.encoders import latency as latency, poisson as poisson
    from neurosim.datasets.events import Events as Events, to_spikes as to_spikes
    from neurosim.datasets.formats import read_events as read_events
    from neurosim.datasets.labelled import (
        ArrayDataset as ArrayDataset,
        EventDataset as EventDataset,
        SoundDataset as SoundDataset,
        SpikeDataset as SpikeDataset,
    )
    from neurosim.datasets.sensors.cochlea import Cochlea as Cochlea
    from neurosim.datasets.sensors.gammatone import Gammatone as Gammatone
    from neurosim.datasets.sensors.hair_cell import HairCell as HairCell
    from neurosim.datasets.sensors.retina import Retina as Retina
    from neurosim.datasets.sensors.saccades import Profile as Profile, Saccades as Saccades
    from neurosim.datasets.spoken import spoken_digits as spoken_digits
    from neurosim.datasets.tonic import from_tonic as from_tonic
    from neurosim.datasets.transforms import (
        crop_space as crop_space,
        crop_time as crop_time,
        downsample as downsample,
        merge_polarity as merge_polarity,
    )
    from neurosim.datasets.yin_yang import yin_yang_points as yin_yang_points

_HOME = {
    "CATALOGUE": "catalogue",
    "ArrayDataset": "labelled",
    "Card": "catalogue",
    "Cochlea": "sensors.cochlea",
    "EventDataset": "labelled",
    "Events": "events",
    "Gammatone": "sensors.gammatone",
    "HairCell": "sensors.hair_cell",
    "Profile": "sensors.saccades",
    "Retina": "sensors.retina",
    "Saccades": "sensors.saccades",
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
    "read_events": "formats",
    "spoken_digits": "spoken",
    "to_spikes": "events",
    "yin_yang_points": "yin_yang",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
