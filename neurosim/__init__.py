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
        Autapses as Autapses,
        Convolution2d as Convolution2d,
        DistanceDependent as DistanceDependent,
        FixedInDegree as FixedInDegree,
        FixedOutDegree as FixedOutDegree,
        FixedProbability as FixedProbability,
        LogNormal as LogNormal,
        Multapses as Multapses,
        Normal as Normal,
        OneToOne as OneToOne,
        Placement as Placement,
        Rounding as Rounding,
        Rule as Rule,
        SmallWorld as SmallWorld,
        Sparse as Sparse,
        Uniform as Uniform,
        from_scipy as from_scipy,
    )
    from neurosim.engine import (
        Record as Record,
        Recording as Recording,
        State as State,
    )
    from neurosim.engine.inputs import draw_inputs as draw_inputs
    from neurosim.engine.interruption import Interrupted as Interrupted
    from neurosim.engine.precision import Precision as Precision
    from neurosim.engine.simulate import simulate as simulate
    from neurosim.engine.storage.recording_file import load_recording as load_recording
    from neurosim.engine.sweep import (
        grid as grid,
        sweep as sweep,
    )
    from neurosim.network import Network as Network
    from neurosim.neurons import (
        LIF as LIF,
        AdaptiveLIF as AdaptiveLIF,
        AdEx as AdEx,
        AlphaConductanceLIF as AlphaConductanceLIF,
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
    from neurosim.plasticity import (
        STDP as STDP,
        Axis as Axis,
        CalciumSTDP as CalciumSTDP,
        DelaySite as DelaySite,
        Delivered as Delivered,
        Dependence as Dependence,
        FixedWeights as FixedWeights,
        MirroredSTDP as MirroredSTDP,
        Pairing as Pairing,
        PlasticityRule as PlasticityRule,
        RateScaling as RateScaling,
        RewardSTDP as RewardSTDP,
        Rewiring as Rewiring,
        SameStep as SameStep,
        SumScaling as SumScaling,
        SymmetricSTDP as SymmetricSTDP,
        TripletSTDP as TripletSTDP,
        Upkeep as Upkeep,
        WeightUpdate as WeightUpdate,
    )
    from neurosim.sources import (
        CurrentDrive as CurrentDrive,
        Drive as Drive,
        Ending as Ending,
        NoiseCurrent as NoiseCurrent,
        NoiseDrive as NoiseDrive,
        PoissonDrive as PoissonDrive,
        PoissonSource as PoissonSource,
        RateSchedule as RateSchedule,
        RegularSource as RegularSource,
        SineCurrent as SineCurrent,
        Source as Source,
        SpikeTimes as SpikeTimes,
        StepCurrent as StepCurrent,
    )
    from neurosim.spikes import (
        Binning as Binning,
        Spikes as Spikes,
    )

_HOME = {
    "AdEx": "neurons",
    "AdaptiveLIF": "neurons",
    "AllToAll": "connectivity",
    "AlphaConductanceLIF": "neurons",
    "AlphaCurrentLIF": "neurons",
    "Autapses": "connectivity",
    "Axis": "plasticity",
    "Binning": "spikes",
    "CalciumSTDP": "plasticity",
    "ConductanceLIF": "neurons",
    "Convolution2d": "connectivity",
    "CurrentDrive": "sources",
    "CurrentLIF": "neurons",
    "DelaySite": "plasticity",
    "Delivered": "plasticity",
    "Dependence": "plasticity",
    "Discretisation": "neurons",
    "DistanceDependent": "connectivity",
    "DualCurrentLIF": "neurons",
    "Drive": "sources",
    "Ending": "sources",
    "FixedInDegree": "connectivity",
    "FixedOutDegree": "connectivity",
    "FixedProbability": "connectivity",
    "FixedWeights": "plasticity",
    "IntegrateAndFire": "neurons",
    "Interrupted": "engine.interruption",
    "Izhikevich": "neurons",
    "LIF": "neurons",
    "LeakyIntegrator": "neurons",
    "LogNormal": "connectivity",
    "MirroredSTDP": "plasticity",
    "Multapses": "connectivity",
    "Network": "network",
    "NeuronModel": "neurons",
    "NoiseCurrent": "sources",
    "NoiseDrive": "sources",
    "Normal": "connectivity",
    "OneToOne": "connectivity",
    "Pairing": "plasticity",
    "Placement": "connectivity",
    "PlasticityRule": "plasticity",
    "PoissonDrive": "sources",
    "PoissonSource": "sources",
    "RateScaling": "plasticity",
    "Precision": "engine.precision",
    "RateSchedule": "sources",
    "Record": "engine",
    "Recording": "engine",
    "RefractoryInput": "neurons",
    "RegularSource": "sources",
    "Relay": "neurons",
    "Reset": "neurons",
    "ResetTiming": "neurons",
    "RewardSTDP": "plasticity",
    "Rewiring": "plasticity",
    "Rounding": "connectivity",
    "Rule": "connectivity",
    "STDP": "plasticity",
    "SameStep": "plasticity",
    "SineCurrent": "sources",
    "SmallWorld": "connectivity",
    "Sparse": "connectivity",
    "Source": "sources",
    "SpikeTimes": "sources",
    "SpikeWhen": "neurons",
    "Spikes": "spikes",
    "State": "engine",
    "StepCurrent": "sources",
    "SumScaling": "plasticity",
    "SymmetricSTDP": "plasticity",
    "TripletSTDP": "plasticity",
    "Uniform": "connectivity",
    "Upkeep": "plasticity",
    "WeightUpdate": "plasticity",
    "draw_inputs": "engine.inputs",
    "from_scipy": "connectivity",
    "grid": "engine.sweep",
    "load_recording": "engine.storage.recording_file",
    "simulate": "engine.simulate",
    "sweep": "engine.sweep",
}

__all__ = ["__version__", *_HOME]

__getattr__, __dir__ = lazy_names(__name__, _HOME)
