"""From a network in PyNN's terms to the numbers of the machine, with the choices of sPyNNaker's host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.compiler.quantise import rounding_loss
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.image.plastic_rows import undelivered
from neurosim.hardware.spinnaker.numerics.pair_rule import PairRule, pair_rule
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits, slots_for
from neurosim.hardware.spinnaker.pynn.conversion import (
    CONDUCTANCE_SCALE,
    delay_steps,
    raw_weights,
    weight_of,
    weight_scale,
)
from neurosim.hardware.spinnaker.pynn.left_shift import ProjectionStatistics, expected_sum, shift_for
from neurosim.hardware.spinnaker.pynn.listed_rows import left_out, listed_rows
from neurosim.hardware.spinnaker.pynn.network import (
    ATOMS_PER_CORE,
    PyNNNetwork,
    PyNNPopulation,
    PyNNProjection,
)
from neurosim.hardware.spinnaker.pynn.parameter_words import MODELS, parameter_words
from neurosim.loss_report import Loss, LossKind

__all__ = ["device_network", "global_scale", "losses_of", "shifts_of"]

_LARGEST_DELAY = 0xFFFF
_SAME = 1e-9  # ms
_RECEPTORS = ("excitatory", "inhibitory")


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
    for receptor, kind in enumerate(_RECEPTORS):
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
    receptor = _RECEPTORS.index(p.receptor)
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
    order = np.argsort(source, kind="stable")
    count = np.bincount(source.astype(np.int64), minlength=network.population(p.pre).size)
    ends = (source.astype(np.int64), target.astype(np.int64))
    atoms = min(on.size, on.atoms)
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
        room=listed_rows(*ends, steps, atoms, slots_for(atoms)),
    )


def losses_of(network: PyNNNetwork, device: DeviceNetwork) -> tuple[Loss, ...]:
    """What the host changes without a word: weights rounded, wrapped, robbed of their sign; delays moved."""
    losses: list[Loss] = []
    for p, q in zip(network.projections, device.projections, strict=True):
        where, post = f"projection {q.name!r}", network.population(p.post)
        shift, scale = device.populations[p.post].shifts[q.receptor], global_scale(post)
        order = np.argsort(p.table[:, 0], kind="stable")
        size = np.abs(p.table[order, 2])
        wrapped = np.rint(size * weight_scale(shift, scale)) > 0xFFFF
        held = weight_of(q.raw, shift, scale)
        losses += rounding_loss(where, size[~wrapped], held[~wrapped])
        vanished = (q.raw == 0) & (size > 0) & ~wrapped
        negative = p.table[:, 2] < 0 if q.receptor == 0 else np.zeros(0, np.bool_)
        moved = np.abs(p.table[order, 3] - q.delay * (device.timestep / 1000))
        limit = 2.0 ** (shift + 1) / scale
        silent = _silent(q, device) if q.plastic else np.zeros(0, np.bool_)
        if lost := _left_out(q, device):
            text = f"{lost} of {len(size)} synapses are left out: the host cuts rows short, as the list is not sorted"
            losses.append(Loss(kind=LossKind.DROPPED, where=where, what=text))
        for kind, found, what, amount in (
            (LossKind.ROUNDED, vanished, "weights round to zero", None),
            (LossKind.CLIPPED, wrapped, f"weights of {limit:g} and more wrap around to small ones", None),
            (LossKind.DROPPED, negative, "weights lose their minus sign and excite", None),
            (
                LossKind.DROPPED,
                silent,
                "plastic synapses never deliver: their delay is the number of ring-buffer slots",
                None,
            ),
            (
                LossKind.ROUNDED,
                moved > _SAME,
                "delays move to whole steps; ms at most",
                moved.max(initial=0.0),
            ),
        ):
            if found.any():
                text = f"{np.count_nonzero(found)} of {len(size)} {what}"
                losses.append(
                    Loss(kind=kind, where=where, what=text, amount=None if amount is None else float(amount))
                )
    return tuple(losses)


def _left_out(q: DeviceProjection, device: DeviceNetwork) -> int:
    if q.room is None:
        return 0
    post = device.populations[q.post]
    atoms = min(post.size, post.atoms)
    target, delay = q.target.astype(np.int64), q.delay.astype(np.int64)
    return left_out(q.sources(), target, delay, atoms, slots_for(atoms), q.room)


def _silent(q: DeviceProjection, device: DeviceNetwork) -> NDArray[np.bool_]:
    post = device.populations[q.post]
    slots = slots_for(min(post.size, post.atoms))
    longest = max(p.longest_delay for p in device.incoming(q.post))
    return undelivered(q.delay, index_bits(min(longest, slots)), slots)
