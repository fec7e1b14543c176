"""What rounding does to the spikes of each population: the chip beside the float engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.recording import DeviceEvent
from neurosim.hardware.loihi.report.arrivals import trains
from neurosim.hardware.loihi.report.population_replay import PopulationReplay
from neurosim.hardware.loihi.report.roundings import Rounding
from neurosim.spikes import Spikes

__all__ = ["NEAR", "Effect", "OwnEffect", "effects", "own_effects"]

_MOST_CELLS = 2**22
"""Steps times neurons of a population that are run again for each rounding; the samples beyond are left out."""
_CHUNK = 2**20
NEAR = 2
"""Steps within which a spike counts as moved."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """How far the spikes of a population on the chip are from the float engine's.

    Attributes:
        float_spikes, chip_spikes: how many.
        counts: differences of the spike counts of every neuron and sample, summed, over the engine's spikes.
        cells: share of the cells (sample, step, neuron) with a spike in either that have none in the other.
        moved: share of the spikes that are not in the other run whose neuron spikes there within `NEAR` steps: a matter
            of timing, not of counts.
        wraps, saturations: overflows of its registers.
    """

    population: str
    float_spikes: int
    chip_spikes: int
    counts: float
    cells: float
    moved: float
    wraps: int
    saturations: int


@dataclass(frozen=True, kw_only=True)
class OwnEffect:
    """What one rounding alone does to a population whose inputs are the float engine's spikes.

    ``rounding``: a `Rounding` by its value, or ``"all"``. ``cells``: as in `Effect`.
    """

    population: str
    rounding: str
    cells: float


def effects(
    wanted: Mapping[str, Spikes], found: Mapping[str, Spikes], events: tuple[DeviceEvent, ...]
) -> Iterator[Effect]:
    """A row for each population that spiked in the engine (``wanted``) or on the chip (``found``)."""
    for name, a in wanted.items():
        b = found[name]
        overflows = {
            kind: sum(e.count for e in events if e.kind == kind and e.population == name)
            for kind in ("wrap", "saturation")
        }
        if len(a.step) or len(b.step) or any(overflows.values()):
            counts = np.abs(a.counts() - b.counts()).sum() / max(len(a.step), 1)
            share, moved = _compared(a, b)
            yield Effect(
                population=name,
                float_spikes=len(a.step),
                chip_spikes=len(b.step),
                counts=float(counts),
                cells=share,
                moved=moved,
                wraps=overflows["wrap"],
                saturations=overflows["saturation"],
            )


def own_effects(replays: PopulationReplay, wanted: Mapping[str, Spikes]) -> Iterator[OwnEffect]:
    """Each spiking population run again with the float engine's spikes as input, all roundings and one at a time.

    Args:
        wanted: the float engine's spikes of every input and population.
    """
    every = frozenset(Rounding)
    choices = {"all": every, **{r.value: frozenset({r}) for r in Rounding}}
    for name, population in replays.network.populations.items():
        spikes = wanted[name]
        if not population.spiking or not len(spikes.step):
            continue
        samples = max(1, min(spikes.samples, _MOST_CELLS // (spikes.steps * spikes.size)))
        differing, either = dict.fromkeys(choices, 0), dict.fromkeys(choices, 0)
        width = max(1, _CHUNK // spikes.steps)
        for b in range(samples):
            sent = trains(wanted, b)
            mine = sent[name].toarray() > 0
            for begin in range(0, spikes.size, width):
                part = slice(begin, begin + width)
                arrived = {
                    exact: replays.arrivals(name, sent, spikes.steps, part, rounded=not exact)
                    for exact in (True, False)
                }
                for choice, rounded in choices.items():
                    found, _ = replays.run(name, arrived[Rounding.WEIGHTS not in rounded], part, rounded)
                    differing[choice] += int(np.count_nonzero(found.astype(bool) != mine[:, part]))
                    either[choice] += int(np.count_nonzero(found.astype(bool) | mine[:, part]))
        for choice in choices:
            cells = differing[choice] / either[choice] if either[choice] else 0.0
            yield OwnEffect(population=name, rounding=choice, cells=cells)


def _compared(a: Spikes, b: Spikes) -> tuple[float, float]:
    """`Effect.cells` and `Effect.moved`."""
    # cells in order of (sample, neuron, step), runs far enough apart that none is near another
    wide = a.steps + NEAR + 1
    codes = [(s.sample.astype(np.int64) * s.size + s.neuron) * wide + s.step for s in (a, b)]
    here, there = (np.setdiff1d(x, y, assume_unique=True) for x, y in (codes, codes[::-1]))
    alone = len(here) + len(there)
    either = len(codes[0]) + len(there)
    near = sum(_near(x, np.sort(y)) for x, y in ((here, codes[1]), (there, codes[0])))
    return alone / either if either else 0.0, near / alone if alone else 0.0


def _near(cells: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    return int(
        np.count_nonzero(
            np.searchsorted(others, cells + NEAR, side="right") > np.searchsorted(others, cells - NEAR)
        )
    )
