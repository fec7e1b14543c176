"""neurosim: describe a spiking network once; simulate it, train it, and deploy it to neuromorphic hardware.

Names are imported when they are first used, so ``import neurosim`` is light.
"""

from __future__ import annotations

import importlib
import pathlib
from typing import TYPE_CHECKING, Any

_root = pathlib.Path(__file__).resolve().parent.parent
if (_root / "hardware" / "__init__.py").is_file() and (_root / "pyproject.toml").is_file():
    __path__[:] = [
        str(_root / "neurosim"),
        str(_root),
    ]  # a checkout: hardware/ and datasets/ lie beside neurosim/

__version__ = "0.1.0"

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.connectivity import (
        AllToAll as AllToAll,
    )
    from neurosim.connectivity import (
        Convolution2d as Convolution2d,
    )
    from neurosim.connectivity import (
        FixedProbability as FixedProbability,
    )
    from neurosim.connectivity import (
        Normal as Normal,
    )
    from neurosim.connectivity import (
        OneToOne as OneToOne,
    )
    from neurosim.connectivity import (
        Rounding as Rounding,
    )
    from neurosim.connectivity import (
        Sparse as Sparse,
    )
    from neurosim.connectivity import (
        Uniform as Uniform,
    )
    from neurosim.engine import (
        Record as Record,
    )
    from neurosim.engine import (
        Recording as Recording,
    )
    from neurosim.engine.simulate import simulate as simulate
    from neurosim.network import Network as Network
    from neurosim.neurons import (
        LIF as LIF,
    )
    from neurosim.neurons import (
        CurrentLIF as CurrentLIF,
    )
    from neurosim.neurons import (
        Discretisation as Discretisation,
    )
    from neurosim.neurons import (
        IntegrateAndFire as IntegrateAndFire,
    )
    from neurosim.neurons import (
        LeakyIntegrator as LeakyIntegrator,
    )
    from neurosim.neurons import (
        NeuronModel as NeuronModel,
    )
    from neurosim.neurons import (
        RefractoryInput as RefractoryInput,
    )
    from neurosim.neurons import (
        Reset as Reset,
    )
    from neurosim.neurons import (
        ResetTiming as ResetTiming,
    )
    from neurosim.neurons import (
        SpikeWhen as SpikeWhen,
    )
    from neurosim.plasticity import STDP as STDP
    from neurosim.spikes import (
        Binning as Binning,
    )
    from neurosim.spikes import (
        Spikes as Spikes,
    )

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
    "simulate": "engine.simulate",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"neurosim.{_HOME[name]}"), name)
    raise AttributeError(f"module 'neurosim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
