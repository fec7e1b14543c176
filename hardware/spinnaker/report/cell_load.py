"""How full ring-buffer cells can get: which sums of a step exceed 65535, and which values then leave s16.15.

Three answers, from the least to the most that is known about the spikes. From the weights alone: what happens if all
sources of a neuron, or the k heaviest, arrive in one step. From a rate: the arrivals of a step are taken as Poisson,
and a cell as w N with N Poisson, where w = sum(w**2) / sum(w) gives the mean and the variance of the real sum; exact
for equal weights, an approximation of the tail otherwise. From spikes: the sums themselves (`sampled`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import special

from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DeviceProjection
from neurosim.hardware.spinnaker.numerics.arithmetic import to_float
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, derive
from neurosim.hardware.spinnaker.numerics.ring_buffer import LARGEST, raw_unit
from neurosim.spikes import Spikes

__all__ = ["CellLoad", "Sampled", "cell_load", "sampled"]

Float = NDArray[np.float64]
_CANDIDATES = 500  # neurons whose synapses are sorted, by sum and by largest weight
_CHUNK = 2**22  # sums held at a time
_LARGEST_VALUE = 2.0**16


@dataclass(frozen=True, kw_only=True)
class CellLoad:
    """What the weights of one receptor of a population can do to its cells; sums in raw units, of 65535 a cell holds.

    Synapses that learn count with the largest weight that their rule allows.

    Attributes:
        shift: left shift of the receptor; a cell of 65535 means ``65535 * 2**(shift - 15)`` in device weights.
        largest: the largest sum, if every synapse of a neuron delivers one spike in the same step.
        neuron: the neuron that has it.
        neurons: neurons whose cells can saturate in that case.
        fewest: the fewest synapses of one neuron that together saturate a cell, looked for among the neurons with the
            largest sums and weights; None where no cell can saturate.
        expected: cells expected to saturate in a second of network time, at the assumed rate.
        value: the largest synaptic value there can be, every step full; s16.15 wraps at 65536.
        wraps: neurons whose synaptic value can wrap around in that case.
    """

    population: str
    receptor: int
    shift: int
    largest: int
    neuron: int
    neurons: int
    fewest: int | None
    expected: float
    value: float
    wraps: int


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What given spikes do to the cells of one receptor of a population, with the weights as they are sent.

    ``cells``: cells (a neuron in a step) whose sum exceeds 65535; ``neurons``: neurons they belong to; ``largest``: the
    largest sum that occurred, capped or not.
    """

    population: str
    receptor: int
    steps: int
    cells: int
    neurons: int
    largest: int


def cell_load(network: DeviceNetwork, name: str, rate: float, dt: float) -> tuple[CellLoad, ...]:
    """Predict the cells of both receptors of a population.

    Args:
        rate: spikes a second of every source neuron. dt: seconds of network time in a step.
    """
    population = network.populations[name]
    if population.model is None:
        return ()
    constants, state = derive(
        population.model, population.neuron, population.inputs, population.threshold, population.synapse
    )
    decays = ((constants.decay_exc, constants.init_exc), (constants.decay_inh, constants.init_inh))
    found = []
    for receptor, (decay, init) in enumerate(decays):
        sums, squares, largest = _sums(network, name, receptor)
        full = sums > LARGEST
        start = np.abs(state.exc if receptor == 0 else state.inh)
        gain = np.ones(population.size)
        if population.model is not CoreModel.IF_CURR_DELTA:
            gain = init / 2.0**32 / (1.0 - decay / 2.0**32)
        values = np.minimum(sums, LARGEST) * raw_unit(population.shifts[receptor]) * gain
        values = np.maximum(values, to_float(start))
        found.append(
            CellLoad(
                population=name,
                receptor=receptor,
                shift=population.shifts[receptor],
                largest=int(sums.max(initial=0)),
                neuron=int(sums.argmax()) if population.size else 0,
                neurons=int(np.count_nonzero(full)),
                fewest=_fewest(network, name, receptor, sums, largest) if full.any() else None,
                expected=float(_tail(sums[full], squares[full], rate * dt).sum() / dt),
                value=float(values.max(initial=0.0)),
                wraps=int(np.count_nonzero(values >= _LARGEST_VALUE)),
            )
        )
    return tuple(found)


def _sums(network: DeviceNetwork, name: str, receptor: int) -> tuple[Float, Float, Float]:
    """Sum, sum of squares and largest of the raw weights of each neuron."""
    size = network.populations[name].size
    sums, squares, largest = np.zeros(size), np.zeros(size), np.zeros(size)
    for p in network.incoming(name):
        if p.receptor == receptor and len(p.raw):
            _add_weights(p.target, _heaviest(network, p), sums, squares, largest)
    return sums, squares, largest


def _heaviest(network: DeviceNetwork, p: DeviceProjection) -> NDArray[np.uint16]:
    """The largest raw weights that synapses can have: those that learn may grow to the w_max of the rule."""
    post = network.populations[p.post]
    if not p.plastic or post.rule is None:
        return p.raw
    most = int(post.rule.words[p.receptor, 1]) >> post.shifts[p.receptor]
    return np.maximum(p.raw, np.uint16(min(max(most, 0), LARGEST)))


def _add_each(
    target: NDArray[np.int32], raw: NDArray[np.uint16], sums: Float, squares: Float, largest: Float
) -> None:
    for k in range(len(raw)):
        j, w = target[k], float(raw[k])
        sums[j] += w
        squares[j] += w * w
        largest[j] = max(largest[j], w)


_add_weights = njit(cache=True)(_add_each)


def _fewest(network: DeviceNetwork, name: str, receptor: int, sums: Float, largest: Float) -> int:
    full = np.flatnonzero(sums > LARGEST)
    chosen = np.zeros(len(sums), np.bool_)
    for order in (sums, largest):
        chosen[full[np.argsort(-order[full], kind="stable")[:_CANDIDATES]]] = True
    parts = [p for p in network.incoming(name) if p.receptor == receptor]
    here = [chosen[p.target] for p in parts]
    target = np.concatenate([p.target[h] for p, h in zip(parts, here, strict=True)])
    raw = np.concatenate([_heaviest(network, p)[h] for p, h in zip(parts, here, strict=True)])
    raw = raw.astype(np.int64)
    order = np.lexsort((-raw, target))
    target, raw = target[order], raw[order]
    first = np.flatnonzero(np.concatenate([[True], target[1:] != target[:-1]]))
    length = np.diff(np.append(first, len(target)))
    total = np.cumsum(raw)
    within = total - np.repeat(total[first] - raw[first], length)
    position = np.arange(len(target)) - np.repeat(first, length)
    return int(position[within > LARGEST].min()) + 1


def _tail(sums: Float, squares: Float, mean: float) -> Float:
    """Probability that the arrivals of a step exceed a cell; ``mean``: spikes of a source in a step."""
    weight = squares / sums
    return np.asarray(special.gammainc(np.floor(LARGEST / weight) + 1.0, mean * sums / weight))


def sampled(network: DeviceNetwork, name: str, spikes: Mapping[str, Spikes]) -> tuple[Sampled, ...]:
    """Add up what given spikes deliver to a population, step by step, without any cap.

    Args:
        spikes: by source population, on one time grid; a source that is missing is silent. Samples are separate runs.
    """
    size = network.populations[name].size
    steps = max((s.steps for s in spikes.values()), default=0)
    samples = max((s.samples for s in spikes.values()), default=1)
    found = []
    for receptor in (0, 1):
        incoming = [p for p in network.incoming(name) if p.receptor == receptor and p.pre in spikes]
        longest = max((p.longest_delay for p in incoming), default=0)
        chunk = max(1, min(steps, max(longest, _CHUNK // max(1, size))))
        cells, largest, hit = 0, 0, np.zeros(size, np.bool_)
        for b in range(samples):
            trains = {n: spikes[n].select([b]) for n in {p.pre for p in incoming}}
            sums = np.zeros((chunk + longest, size), np.int64)
            for begin in range(0, steps, chunk):
                for p in incoming:
                    s = trains[p.pre]
                    here = slice(*np.searchsorted(s.step, [begin, begin + chunk]))
                    _deliver(
                        s.step[here] - begin,
                        s.neuron[here],
                        s.counts_of_cells()[here],
                        p.row_start,
                        p.target,
                        p.raw,
                        p.delay,
                        sums,
                    )
                done = sums[: min(chunk, steps - begin)]
                full = done > LARGEST
                cells += int(np.count_nonzero(full))
                hit |= full.any(axis=0)
                largest = max(largest, int(done.max(initial=0)))
                sums[:longest] = sums[chunk:].copy()
                sums[longest:] = 0
        found.append(
            Sampled(
                population=name,
                receptor=receptor,
                steps=steps * samples,
                cells=cells,
                neurons=int(np.count_nonzero(hit)),
                largest=largest,
            )
        )
    return tuple(found)


def _deliver_each(
    step: NDArray[np.int32],
    neuron: NDArray[np.int32],
    count: NDArray[np.int32],
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    raw: NDArray[np.uint16],
    delay: NDArray[np.uint16],
    sums: NDArray[np.int64],
) -> None:
    """Add the arrivals of one projection to sums [steps + longest delay, n]."""
    for s in range(len(step)):
        for k in range(row_start[neuron[s]], row_start[neuron[s] + 1]):
            sums[step[s] + delay[k], target[k]] += np.int64(raw[k]) * count[s]


_deliver = njit(cache=True)(_deliver_each)
