"""From a population of the network to the parameters of a SpiNNaker neuron program.

Potentials of a network are plain numbers; on the machine they are s16.15. Each population gets one scale, a power of
two (so that nothing is rounded by it), and an offset: device value = (network value - offset) * scale. Which program
computes which model, and how, say `current_program` and `conductance_program`.
"""

from __future__ import annotations

from neurosim.engine.plan import PlanPopulation
from neurosim.hardware.spinnaker.quantise.activity import Activity
from neurosim.hardware.spinnaker.quantise.conductance_program import conductance_program
from neurosim.hardware.spinnaker.quantise.current_program import current_program
from neurosim.hardware.spinnaker.quantise.program_words import NeuronProgram
from neurosim.neurons import ConductanceLIF

__all__ = ["NeuronProgram", "program"]


def program(population: PlanPopulation, dt: float, activity: Activity, lag: int = 0) -> NeuronProgram:
    """Choose scale, words and shifts of a population.

    Args:
        lag: steps by which the population is behind network time. Its neurons start refractory for as long, which holds
            their initial potential.

    Raises:
        UnsupportedError: parameters the machine has no counterpart for.
        CapacityError: values that do not fit s16.15 at any useful scale.
    """
    if isinstance(population.model, ConductanceLIF):
        return conductance_program(population, dt, activity, lag)
    return current_program(population, dt, activity, lag)
