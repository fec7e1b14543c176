"""Running networks: description -> plan -> compiled kernels -> recording."""

from neurosim.engine.lower import lower
from neurosim.engine.plan import Plan, PlanPopulation, PlanProjection, Stage
from neurosim.engine.recording import DeviceEvent, PopulationRecording, Record, Recording, State
from neurosim.engine.simulate import simulate

__all__ = [
    "DeviceEvent",
    "Plan",
    "PlanPopulation",
    "PlanProjection",
    "PopulationRecording",
    "Record",
    "Recording",
    "Stage",
    "State",
    "lower",
    "simulate",
]
