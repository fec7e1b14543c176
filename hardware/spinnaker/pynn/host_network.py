"""From a network in PyNN's terms to the numbers of the machine, with the choices of sPyNNaker's host."""

from __future__ import annotations

import numpy as np

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.device_network import (
    RECEPTORS,
    DeviceNetwork,
    DevicePopulation,
    DeviceProjection,
)
from neurosim.hardware.spinnaker.numerics.pair_rule import PairRule, pair_rule
from neurosim.hardware.spinnaker.pynn.conversion import (
    CONDUCTANCE_SCALE,
    delay_steps,
    raw_weights,
)
from neurosim.hardware.spinnaker.pynn.left_shift import ProjectionStatistics, expected_sum, shift_for
from neurosim.hardware.spinnaker.pynn.listed_rows import listed_rows
from neurosim.hardware.spinnaker.pynn.network import (
    ATOMS_PER_CORE,
    PyNNNetwork,
    PyNNPopulation,
    PyNNProjection,
)
from neurosim.hardware.spinnaker.pynn.parameter_words import MODELS, parameter_words

__all__ = ["device_network", "global_scale", "shifts_of"]

_LARGEST_DELAY = 0xFFFF


def device_network(network: PyNNNetwork, atoms_per_core: int = ATOMS_PER_CORE) -> DeviceNetwork:
    """What the host sends of a network: words, left shifts, raw weights and delays in steps.

    Args:
        atoms_per_core: for populations of neurons that do not say.

    Raises:
        CapacityError: a parameter outside s16.15, or a delay beyond 65535 steps.
        DescriptionError: a parameter that the machine cannot divide by.
    """
    populations = {}
    sending = {p.pre for p in network.projections}
    for p in network.populations:
        if p.is_source:
            if p.name in sending:
                populations[p.name] = DevicePopulation(name=p.name, size=p.size, atoms=p.atoms())
            continue
        words = parameter_words(p, network.timestep_us)
        populations[p.name] = DevicePopulation(
            name=p.name,
            size=p.size,
            atoms=p.atoms(atoms_per_core),
            model=MODELS[p.cell],
            neuron=words.neuron,
            inputs=words.inputs,
            threshold=words.threshold,
            synapse=words.synapse,
            shifts=shifts_of(network, p),
            rule=_rule(network, p),
        )
    return DeviceNetwork(
        populations=populations,
        projections=tuple(
            _projection(network, k, populations[p.post]) for k, p in enumerate(network.projections)
        ),
        timestep=network.timestep_us,
    )


def _rule(network: PyNNNetwork, population: PyNNPopulation) -> PairRule | None:
    """The rule of the plastic projections to a population, if there are any."""
    incoming = (p for p in network.projections if p.post == population.name)
    stdp = next((p.stdp for p in incoming if p.stdp is not None), None)
    if stdp is None:
        return None
    return pair_rule(
        tau_plus=stdp.tau_plus,
        tau_minus=stdp.tau_minus,
        a_plus=stdp.A_plus,
        a_minus=stdp.A_minus,
        w_min=stdp.w_min,
        w_max=stdp.w_max,
        time_step=network.timestep_us / 1000,
        weight_scale=global_scale(population),
        dependence=stdp.dependence,
        pairing=stdp.pairing,
    )


def global_scale(population: PyNNPopulation) -> float:
    """What weights of a population are multiplied by before all else."""
    return CONDUCTANCE_SCALE if population.cell == "IF_cond_exp" else 1.0


def shifts_of(network: PyNNNetwork, population: PyNNPopulation) -> tuple[int, int]:
    """Left shifts of both receptors of a population: those of ``max_expected_summed_weight``, or the host's own."""
    scale, given = global_scale(population), population.max_expected_summed_weight
    shifts = []
    for receptor, kind in enumerate(RECEPTORS):
        if given is not None:
            shifts.append(shift_for(given[receptor] * scale))
            continue
        incoming = [p for p in network.projections if p.post == population.name]
        senders = list(dict.fromkeys(p.pre for p in incoming))
        found = [
            _statistics(p, network.timestep_us)
            for p in sorted(incoming, key=lambda p: senders.index(p.pre))
            if p.receptor == kind
        ]
        shifts.append(
            shift_for(
                expected_sum(
                    found,
                    network.timestep_us,
                    global_scale=scale,
                    spikes_per_second=population.spikes_per_second,
                    sigma=population.ring_buffer_sigma,
                )
            )
        )
    return shifts[0], shifts[1]


def _statistics(p: PyNNProjection, timestep_us: int) -> ProjectionStatistics:
    _, target, weight, delay = p.table.T
    size = np.abs(weight)
    rounded = np.rint(delay * (1000 / timestep_us)) * (timestep_us / 1000)
    largest = float(size.max(initial=0.0))
    if p.stdp is not None:  # all weights may grow to the largest
        largest = max(largest, p.stdp.w_max)
    if not len(size):  # counts for nothing but the weight that its synapses might reach
        return ProjectionStatistics(fan_in=0, mean=0.0, variance=0.0, largest=largest, delay_variance=0.0)
    return ProjectionStatistics(
        fan_in=int(np.bincount(target.astype(np.int64)).max()),
        mean=float(size.mean()) if p.stdp is None else largest,
        variance=float(size.var()) if p.stdp is None else 0.0,
        largest=largest,
        delay_variance=float(rounded.var()),
    )


def _name(network: PyNNNetwork, k: int) -> str:
    """A name of its own for every projection."""
    label = network.projections[k].label
    before = sum(p.label == label for p in network.projections[:k])
    return f"{label}#{before + 1}" if before else label


def _projection(network: PyNNNetwork, k: int, on: DevicePopulation) -> DeviceProjection:
    p = network.projections[k]
    post = network.population(p.post)
    receptor = RECEPTORS.index(p.receptor)
    source, target, weight, delay = p.table.T
    steps = delay_steps(delay, network.timestep_us)
    if np.any(steps > _LARGEST_DELAY):
        raise CapacityError(
            "a delay is too long",
            where=f"projection {p.label!r}",
            value=f"{steps.max()} steps",
            limit=f"{_LARGEST_DELAY} steps",
            remedy="Shorten it, or use a larger time step",
        )
    order = p.row_order
    count = np.bincount(source.astype(np.int64), minlength=network.population(p.pre).size)
    ends = (source.astype(np.int64), target.astype(np.int64))
    return DeviceProjection(
        name=_name(network, k),
        pre=p.pre,
        post=p.post,
        receptor=receptor,
        row_start=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        target=target[order].astype(np.int32),
        raw=raw_weights(weight[order], on.shifts[receptor], global_scale(post)),
        delay=steps[order].astype(np.uint16),
        plastic=p.stdp is not None,
        room=listed_rows(*ends, steps, on.full_core, on.slots),
    )
