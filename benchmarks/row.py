"""One system on one case: what it did, how long it took, and what that is worth beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["OURS", "WORK_TOLERANCE", "Missing", "Row", "is_ours", "with_ratios"]

OURS = "neurosim"
WORK_TOLERANCE = 0.01
"""Spikes that differ by more than this share are not the same work."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One system on one case, with one number of threads and one precision.

    Attributes:
        case: what was run, the same text for every system.
        system, version: who ran it; ours are called ``neurosim`` and ``neurosim-f32``.
        threads: threads that the system was allowed.
        precision: ``"double"``, ``"single"`` or ``"integer"``, of state and arithmetic.
        neurons, synapses, steps: size of the work; steps are summed over the samples.
        spikes: how many the neurons fired (mean over the repeats).
        work, unit: how much was done, such as 1.2e6 synaptic events.
        build_seconds: from an empty process to a network that is ready to run, compiling included.
        seconds: median wall-clock time of the run alone.
        repeats: all of those times, in the order of the rounds.
        memory: largest resident memory of the process that ran, bytes, or None.
        ratio: seconds over ours on the same case, threads and precision; None for ours and where not comparable.
        comparable: the same neurons, synapses and steps as ours, and spikes (of every layer, where they are known)
            within `WORK_TOLERANCE`; where both have a ``digest``, it is the same.
        scaling: the system's own time on one thread over this one; None on one thread.
        noise_seconds: part of ``seconds`` spent drawing random input, where it was measured.
        ns_per_event, neuron_updates_per_second: ``seconds`` spread over the work; see `benchmarks.bounds`.
        bytes_per_event, share_of_bandwidth: bytes that the run has to move over its events, and the share of the
            measured bandwidth that this makes; ours only.
        forward_seconds, backward_seconds, optimiser_seconds: of a training step, in the median; the loss is forward.
        growth: largest resident memory of the first training step, less what was resident before it, bytes.
        layer_spikes: of every layer in the first step of training.
        density: share of entries that are not zero, of the input and of every layer's spikes.
        dense_seconds, least_seconds: what matrix products of the same layers without delays, and what the products that
            the spikes need would take at the rate of the fastest large matrix product at hand; ours only.
        without_delays_seconds, without_delays_ratio, without_delays_bound: our own step with the same layers without
            delays; ``seconds`` over it; and the same ratio of the products that the two need.
        digest: tells one set of spikes from another, where systems have to agree bit for bit.
        differs: what the system is known to do otherwise: then it has a ratio though it is not ``comparable``.
        note: what else should be known.
    """

    case: str
    system: str
    version: str
    threads: int
    precision: str
    neurons: int
    synapses: int
    steps: int
    spikes: int
    work: float
    unit: str
    build_seconds: float
    seconds: float
    repeats: tuple[float, ...]
    memory: int | None = None
    ratio: float | None = None
    comparable: bool = True
    scaling: float | None = None
    noise_seconds: float | None = None
    ns_per_event: float | None = None
    neuron_updates_per_second: float | None = None
    bytes_per_event: float | None = None
    share_of_bandwidth: float | None = None
    forward_seconds: float | None = None
    backward_seconds: float | None = None
    optimiser_seconds: float | None = None
    growth: int | None = None
    layer_spikes: Sequence[int] = ()
    density: Sequence[float] = ()
    dense_seconds: float | None = None
    least_seconds: float | None = None
    without_delays_seconds: float | None = None
    without_delays_ratio: float | None = None
    without_delays_bound: float | None = None
    digest: str = ""
    differs: str = ""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A system that was asked for and gave no row, and why."""

    case: str
    system: str
    threads: int
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def is_ours(system: str) -> bool:
    """Whether a system is this project, in either precision."""
    return system == OURS or system.startswith(f"{OURS}-")


def with_ratios(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows in the order given, with ``ratio``, ``comparable`` and ``scaling`` filled in."""
    every = list(rows)
    ours = {(row.case, row.threads, row.precision): row for row in every if is_ours(row.system)}
    any_of_ours = {row.case: row for row in every if is_ours(row.system)}
    alone = {(row.case, row.system): row for row in every if row.threads == 1}
    for row in every:
        single = alone.get((row.case, row.system))
        scaling = single.seconds / row.seconds if single is not None and row.threads > 1 else None
        mine = ours.get((row.case, row.threads, row.precision))
        yardstick = mine or any_of_ours.get(row.case)
        comparable = (yardstick is None or _same_work(row, yardstick)) and not row.differs
        wanted = (comparable or row.differs) and not is_ours(row.system)
        ratio = row.seconds / mine.seconds if mine and wanted else None
        alone_seconds = row.without_delays_seconds
        without = None if alone_seconds is None else row.seconds / alone_seconds
        yield replace(row, ratio=ratio, comparable=comparable, scaling=scaling, without_delays_ratio=without)


def _same_work(row: Row, mine: Row) -> bool:
    if (row.neurons, row.synapses, row.steps) != (mine.neurons, mine.synapses, mine.steps):
        return False
    if row.digest and mine.digest and row.digest != mine.digest:
        return False
    pairs = [(row.spikes, mine.spikes), *zip(row.layer_spikes, mine.layer_spikes, strict=False)]
    return all(abs(theirs - ours) <= WORK_TOLERANCE * ours for theirs, ours in pairs)
