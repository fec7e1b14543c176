"""The first spike in which the chip and the float engine differ, and which rounding is to blame.

Up to that step all spikes agree, so the neuron has received the same spikes in both. It can therefore be run again
alone, with the spikes that it had until then, and with the chip's roundings taken back one at a time: whichever makes
it do as the float engine did is a cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.quantise.required_registers import demand_of
from neurosim.hardware.loihi.report.arrivals import trains
from neurosim.hardware.loihi.report.population_replay import PopulationReplay
from neurosim.hardware.loihi.report.replay import FREE
from neurosim.hardware.loihi.report.roundings import Rounding
from neurosim.spikes import Spikes

__all__ = ["FirstDivergence", "TakenBack", "first_divergence"]

_BEFORE = 40
"""steps of the two potentials that are kept"""


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """The neuron in the step of the divergence with one rounding of the chip taken back (a `Rounding` by its value).

    ``margin``: potential less threshold, as a share of the threshold. ``as_float``: it then spikes, or not, as in the
    float engine.
    """

    rounding: str
    margin: float
    as_float: bool


@dataclass(frozen=True, kw_only=True)
class FirstDivergence:
    """Where the two part. Potentials are in network units, before the reset.

    Attributes:
        step: of the machine; time t * dt of the network is step t + lag.
        float_spike, chip_spike: whether the neuron spikes.
        float_v, float_threshold, chip_v, chip_threshold: in this step.
        float_margin, chip_margin: potential less threshold, as a share of the threshold.
        taken_back: one row for each rounding.
        cause: in words.
        steps, float_trace, chip_trace: the last steps of both potentials.
    """

    population: str
    neuron: int
    sample: int
    step: int
    lag: int
    float_spike: bool
    chip_spike: bool
    float_v: float
    float_threshold: float
    chip_v: float
    chip_threshold: float
    float_margin: float
    chip_margin: float
    taken_back: tuple[TakenBack, ...]
    cause: str
    steps: tuple[int, ...]
    float_trace: tuple[float, ...]
    chip_trace: tuple[float, ...]


def first_divergence(
    replays: PopulationReplay,
    wanted: Mapping[str, Spikes],
    found: Mapping[str, Spikes],
    lag: Mapping[str, int],
) -> FirstDivergence | None:
    """The first difference in time, then in order of sample, population and neuron; None where all spikes agree.

    Args:
        wanted, found: spikes of the float engine and of the chip, in machine time; the inputs are in ``wanted``.
    """
    firsts = []
    for k, name in enumerate(found):
        a, b = wanted[name], found[name]
        cells = np.setxor1d(_cells(a), _cells(b), assume_unique=True)
        if len(cells):
            at, neuron = divmod(int(cells[0]), a.size)
            step, sample = divmod(at, a.samples)
            firsts.append((step, sample, k, name, neuron))
    if not firsts:
        return None
    step, sample, _, name, neuron = min(firsts)
    return _explained(replays, wanted, name, neuron, sample, step, lag.get(name, 0))


def _cells(s: Spikes) -> NDArray[np.int64]:
    """Numbers of cells in order of (step, sample, neuron)."""
    return (s.step.astype(np.int64) * s.samples + s.sample) * s.size + s.neuron


def _explained(
    replays: PopulationReplay,
    wanted: Mapping[str, Spikes],
    name: str,
    neuron: int,
    sample: int,
    step: int,
    lag: int,
) -> FirstDivergence:
    sent, steps, one = trains(wanted, sample), step + 1, slice(neuron, neuron + 1)
    sent = {n: t[:steps] for n, t in sent.items()}
    arrived = {exact: replays.arrivals(name, sent, steps, one, rounded=not exact) for exact in (True, False)}
    mine = sent[name][:, [neuron]].toarray() > 0
    agreed = mine.astype(np.int8)
    agreed[step] = FREE
    float_spike = bool(mine[step, 0])

    def run(rounded: frozenset[Rounding]) -> tuple[bool, np.ndarray, float]:
        spikes, before = replays.run(name, arrived[Rounding.WEIGHTS not in rounded], one, rounded, agreed)
        limit = thresholds[Rounding.THRESHOLD in rounded]
        return bool(spikes[step, 0]), before[:, 0], float((before[step, 0] - limit) / limit)

    device, quantised = replays.network.populations[name], replays.quantised.populations[name]
    thresholds = {
        True: float(device.threshold[neuron]) * 64,
        False: _wanted_threshold(replays, name, neuron),
    }
    every = frozenset(Rounding)
    as_float, float_v, float_margin = run(frozenset())
    as_chip, chip_v, chip_margin = run(every)
    rows = []
    for rounding in Rounding:
        spikes, _, margin = run(every - {rounding})
        rows.append(TakenBack(rounding=rounding.value, margin=margin, as_float=spikes == float_spike))
    explained = as_float == float_spike and as_chip != float_spike
    kept = slice(max(0, steps - _BEFORE), steps)

    def volts(x: float) -> float:
        return float(x / quantised.scale + quantised.offset)

    return FirstDivergence(
        population=name,
        neuron=neuron,
        sample=sample,
        step=step,
        lag=lag,
        float_spike=float_spike,
        chip_spike=not float_spike,
        float_v=volts(float_v[step]),
        float_threshold=volts(thresholds[False]),
        chip_v=volts(chip_v[step]),
        chip_threshold=volts(thresholds[True]),
        float_margin=float_margin,
        chip_margin=chip_margin,
        taken_back=tuple(rows),
        cause=_cause(rows, chip_margin) if explained else _UNEXPLAINED,
        steps=tuple(range(kept.start, kept.stop)),
        float_trace=tuple(map(volts, float_v[kept].tolist())),
        chip_trace=tuple(map(volts, chip_v[kept].tolist())),
    )


_UNEXPLAINED = "the potential is so near the threshold that the order of the sums decides"


def _wanted_threshold(replays: PopulationReplay, name: str, neuron: int) -> float:
    demand = demand_of(replays.plan.populations[name], replays.plan.dt)
    if demand.threshold is None:
        return float("inf")
    return float(demand.threshold[neuron] * replays.quantised.populations[name].scale)


def _cause(rows: list[TakenBack], chip_margin: float) -> str:
    """The rounding without which the neuron does as in the float engine; the one that moves it most, of several."""
    by_size = sorted(rows, key=lambda r: -abs(r.margin - chip_margin))
    alone = [r for r in by_size if r.as_float]
    if alone:
        first, *others = (r.rounding for r in alone)
        return f"{first}{' (or ' + ', '.join(others) + ')' if others else ''}: exact there, the spikes would agree"
    moved = [r.rounding for r in by_size if abs(r.margin - chip_margin) > 0]
    return f"no rounding alone: {', '.join(moved)} together, the largest first"
