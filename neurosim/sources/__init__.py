"""What drives a network from outside: sources of spikes for inputs, and drives that act on a population itself."""

from neurosim.sources.current_drive import CurrentDrive, Ending, StepCurrent
from neurosim.sources.drive import Drive
from neurosim.sources.noise_current import NoiseCurrent
from neurosim.sources.noise_drive import NoiseDrive
from neurosim.sources.poisson_drive import PoissonDrive
from neurosim.sources.poisson_source import PoissonSource, RateSchedule
from neurosim.sources.sine_current import SineCurrent
from neurosim.sources.source import Source
from neurosim.sources.spike_times import RegularSource, SpikeTimes

__all__ = [
    "CurrentDrive",
    "Drive",
    "Ending",
    "NoiseCurrent",
    "NoiseDrive",
    "PoissonDrive",
    "PoissonSource",
    "RateSchedule",
    "RegularSource",
    "SineCurrent",
    "Source",
    "SpikeTimes",
    "StepCurrent",
]
