"""neurosim: describe a spiking network once; simulate it, train it, and deploy it to neuromorphic hardware.

Names are imported when they are first used, so ``import neurosim`` is light.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

_root = pathlib.Path(__file__).resolve().parent.parent
if (_root / "hardware" / "__init__.py").is_file() and (_root / "pyproject.toml").is_file():
    __path__[:] = [
        str(_root / "neurosim"),
        str(_root),
    ]  # a checkout: hardware/ and datasets/ lie beside neurosim/

from neurosim.lazy import lazy_names  # noqa: E402  (after the path is set)

__version__ = "0.1.0"

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.connectivity import (
        AllToAll as AllToAll,
        Convolution2d as Convolution2d,
        FixedProbability as FixedProbability,
        Normal as Normal,
        OneToOne as OneToOne,
        Rounding as Rounding,
        Sparse as Sparse,
        Uniform as Uniform,
    )
    from neurosim.engine import (
        Record as Record,
        Recording as Recording,
    )
    from neurosim.engine.simulate import simulate as simulate
    from neurosim.network import Network as Network
    from neurosim.neurons import (
        LIF as LIF,
        AdaptiveLIF as AdaptiveLIF,
        AdEx as AdEx,
        AlphaCurrentLIF as AlphaCurrentLIF,
        ConductanceLIF as ConductanceLIF,
        CurrentLIF as CurrentLIF,
        Discretisation as Discretisation,
        DualCurrentLIF as DualCurrentLIF,
        IntegrateAndFire as IntegrateAndFire,
        Izhikevich as Izhikevich,
        LeakyIntegrator as LeakyIntegrator,
        NeuronModel as NeuronModel,
        RefractoryInput as RefractoryInput,
        Relay as Relay,
        Reset as Reset,
        ResetTiming as ResetTiming,
        SpikeWhen as SpikeWhen,
    )
    from neurosim.plasticity import STDP as STDP
    from neurosim.spikes import (
        Binning as Binning,
        Spikes as Spikes,
    )

_HOME = {
    "AdEx": "neurons",
    "AdaptiveLIF": "neurons",
    "AllToAll": "connectivity",
    "AlphaCurrentLIF": "neurons",
    "Binning": "spikes",
    "ConductanceLIF": "neurons",
    "Convolution2d": "connectivity",
    "CurrentLIF": "neurons",
    "Discretisation": "neurons",
    "DualCurrentLIF": "neurons",
    "FixedProbability": "connectivity",
    "IntegrateAndFire": "neurons",
    "Izhikevich": "neurons",
    "LIF": "neurons",
    "LeakyIntegrator": "neurons",
    "Network": "network",
    "NeuronModel": "neurons",
    "Normal": "connectivity",
    "OneToOne": "connectivity",
    "Record": "engine",
    "Recording": "engine",
    "RefractoryInput": "neurons",
    "Relay": "neurons",
    "Reset": "neurons",
    "ResetTiming": "neurons",
    "Rounding": "connectivity",
    "STDP": "plasticity",
    "Sparse": "connectivity",
    "SpikeWhen": "neurons",
    "Spikes": "spikes",
    "Uniform": "connectivity",
    "simulate": "engine.simulate",
}

__all__ = ["__version__", *_HOME]

__getattr__, __dir__ = lazy_names(__name__, _HOME)
