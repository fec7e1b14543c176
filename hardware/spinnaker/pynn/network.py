"""A network in the terms of a PyNN script for sPyNNaker: milliseconds, millivolts, nanofarads, lists of connections.

Plain data, checked. `pynn.host_network` makes of it what the host of sPyNNaker 7.4.1 sends to the machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker.pynn.conversion import spike_steps
from neurosim.plasticity.options import Dependence, Pairing
from neurosim.spikes import Spikes

__all__ = [
    "ATOMS_PER_CORE",
    "INITIAL_VALUES",
    "PARAMETERS",
    "PyNNNetwork",
    "PyNNPopulation",
    "PyNNProjection",
    "PyNNSTDP",
]

ATOMS_PER_CORE = 256
"""Neurons on a core at most, where a script does not say."""

Cell = Literal["IF_curr_exp", "IF_curr_delta", "IF_cond_exp", "SpikeSourceArray"]
Receptor = Literal["excitatory", "inhibitory"]

_MEMBRANE = {
    "cm": 1.0, "tau_m": 20.0, "tau_refrac": 0.1, "v_rest": -65.0, "v_reset": -65.0, "v_thresh": -50.0, "i_offset": 0.0,
}  # fmt: skip
_SYNAPSES = {"tau_syn_E": 5.0, "tau_syn_I": 5.0}
PARAMETERS: Mapping[str, Mapping[str, float]] = {
    "IF_curr_exp": {**_MEMBRANE, **_SYNAPSES},
    "IF_curr_delta": _MEMBRANE,
    "IF_cond_exp": {**_MEMBRANE, **_SYNAPSES, "e_rev_E": 0.0, "e_rev_I": -70.0},
    "SpikeSourceArray": {},
}
"""Parameters of each cell and their values where none is given: nF, ms, mV, nA."""
INITIAL_VALUES: Mapping[str, float] = {"v": -65.0, "isyn_exc": 0.0, "isyn_inh": 0.0, "refract_timer": 0}
"""State of a neuron at the start: mV, nA (conductances: units of 2**-10 uS), steps."""


def _expect(fine: bool, what: str, **facts: Any) -> None:
    if not fine:
        raise DescriptionError(what, **facts)


@dataclass(frozen=True, eq=False, kw_only=True)
class PyNNPopulation:
    """A population as a script makes it.

    Attributes:
        name: its label.
        size: neurons.
        cell: name of the cell class in ``pyNN.spiNNaker``.
        parameters: those of the cell, numbers or an array [size] each; what is missing has the value of `PARAMETERS`.
            A spike source has one, ``spike_times``: a list of times (ms) for each neuron, or times that all share.
        initial_values: state at the start, numbers or [size], see `INITIAL_VALUES`.
        atoms_per_core: neurons on a core at most (``set_max_atoms_per_core``); None: as many as the target
            allows, spike sources all on one.
        max_expected_summed_weight: the largest sum of weights of each receptor, in place of the host's estimate.
        ring_buffer_sigma, spikes_per_second: what the host's estimate assumes.
    """

    name: str
    size: int
    cell: Cell = "IF_curr_exp"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    initial_values: Mapping[str, Any] = field(default_factory=dict)
    atoms_per_core: int | None = None
    max_expected_summed_weight: tuple[float, float] | None = None
    ring_buffer_sigma: float = 5.0
    spikes_per_second: float = 30.0

    def __post_init__(self) -> None:
        where = f"population {self.name!r}"
        _expect(self.size >= 1, "needs a neuron", where=where, value=self.size)
        _expect(
            self.cell in PARAMETERS, "is no known cell", where=where, value=self.cell, limit=list(PARAMETERS)
        )
        atoms = self.atoms_per_core
        _expect(
            atoms is None or (atoms >= 1 and (self.is_source or atoms <= ATOMS_PER_CORE)),
            "atoms per core are out of range", where=where, value=atoms, limit=f"1 to {ATOMS_PER_CORE}",
        )  # fmt: skip
        known = {"spike_times"} if self.is_source else {*PARAMETERS[self.cell], *INITIAL_VALUES}
        for kind, given, allowed in (
            ("parameter", self.parameters, known),
            ("initial value", self.initial_values, set() if self.is_source else set(INITIAL_VALUES)),
        ):
            for key, value in given.items():
                _expect(
                    key in allowed,
                    f"{self.cell} has no such {kind}",
                    where=where,
                    value=key,
                    limit=sorted(allowed),
                )
                if not self.is_source:
                    shape = np.shape(value)
                    _expect(
                        shape in ((), (self.size,)), f"{kind} {key!r} has the wrong shape",
                        where=where, value=shape, limit=f"a number or [{self.size}]",
                    )  # fmt: skip
        if self.is_source:
            times = self.spike_times()
            _expect(
                len(times) in (0, self.size), "spike_times is a list for each neuron",
                where=where, value=f"{len(times)} lists", limit=f"{self.size} lists",
            )  # fmt: skip
            _expect(all(np.isfinite(t).all() for t in times), "a spike time is not finite", where=where)
        sums = self.max_expected_summed_weight
        _expect(
            sums is None or (len(sums) == 2 and all(math.isfinite(s) for s in sums)),
            "max_expected_summed_weight is a number for each of the two receptors", where=where, value=sums,
        )  # fmt: skip

    @property
    def is_source(self) -> bool:
        """Whether it is an array of spike times rather than neurons."""
        return self.cell == "SpikeSourceArray"

    def spike_times(self) -> list[NDArray[np.float64]]:
        """The times of every neuron of a spike source in ms; none at all if none were given.

        A number, or a list that begins with one, is for all neurons (sPyNNaker ``spike_source_array_vertex.py``).
        """
        given = self.parameters.get("spike_times", ())
        if np.isscalar(given) or (len(given) and np.ndim(given[0]) == 0):
            return [np.asarray(given, np.float64).reshape(-1)] * self.size
        return [np.asarray(t, np.float64).reshape(-1) for t in given]

    def atoms(self, most: int = ATOMS_PER_CORE) -> int:
        """Neurons on a full core, where populations of neurons that do not say have ``most``."""
        return min(self.size, self.atoms_per_core or (self.size if self.is_source else most))

    def value(self, name: str) -> NDArray[np.float64]:
        """A parameter or initial value of every neuron, float64 [size]."""
        default = {**PARAMETERS[self.cell], **INITIAL_VALUES}[name]
        given = self.initial_values.get(name, self.parameters.get(name, default))
        return np.broadcast_to(np.asarray(given, np.float64), (self.size,))


@dataclass(frozen=True, kw_only=True)
class PyNNSTDP:
    """``STDPMechanism`` with all delays dendritic.

    Attributes:
        tau_plus, tau_minus: ms.
        A_plus, A_minus: change of the weight by a pair of coinciding spikes, nA or uS; with a multiplicative dependence
            the share of the distance to the limit.
        w_min, w_max: limits of the weight, nA or uS.
        dependence: ADDITIVE or MULTIPLICATIVE.
        pairing: ALL (``SpikePairRule``) or NEAREST (``SpikeNearestPairRule``).
    """

    tau_plus: float = 20.0
    tau_minus: float = 20.0
    A_plus: float = 0.01
    A_minus: float = 0.01
    w_min: float = 0.0
    w_max: float = 1.0
    dependence: Dependence = Dependence.ADDITIVE
    pairing: Pairing = Pairing.ALL

    def __post_init__(self) -> None:
        for name in ("tau_plus", "tau_minus"):
            value = getattr(self, name)
            _expect(
                0 < value < math.inf,
                "must be positive",
                where=f"PyNNSTDP.{name}",
                value=value,
                limit="> 0 ms",
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class PyNNProjection:
    """A projection with a ``FromListConnector``.

    Attributes:
        pre, post: names of populations.
        connections: [k, 4] source neuron, target neuron, weight (nA, for IF_cond_exp uS), delay (ms). The host
            drops the sign of weights: what they do the receptor says.
        receptor: ``receptor_type`` of the script.
        stdp: rule that changes the weights, or None.
        name: for messages and reports; None: ``pre->post receptor``.
    """

    pre: str
    post: str
    connections: ArrayLike
    receptor: Receptor = "excitatory"
    stdp: PyNNSTDP | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        table = np.asarray(self.connections, np.float64)
        table = table.reshape(0, 4) if table.size == 0 else table
        where = f"projection {self.label!r}"
        _expect(
            table.ndim == 2 and table.shape[1] == 4, "connections have the wrong shape",
            where=where, value=table.shape, limit="[k, 4]: source, target, weight, delay",
        )  # fmt: skip
        _expect(bool(np.isfinite(table).all()), "a connection has a number that is not finite", where=where)
        _expect(bool((table[:, 3] >= 0).all()), "a delay is negative", where=where, limit=">= 0 ms")
        _expect(
            self.receptor in get_args(Receptor), "is no receptor",
            where=where, value=self.receptor, limit=get_args(Receptor),
        )  # fmt: skip
        object.__setattr__(self, "connections", table)

    @property
    def label(self) -> str:
        """Its name, or what it connects."""
        return self.name or f"{self.pre}->{self.post} {self.receptor}"

    @property
    def table(self) -> NDArray[np.float64]:
        """``connections`` as float64 [k, 4]."""
        return np.asarray(self.connections)

    @property
    def row_order(self) -> NDArray[np.int64]:
        """Numbers of the connections by source neuron, those of a neuron in the order of the list, int64 [k]."""
        return np.argsort(self.table[:, 0], kind="stable")


@dataclass(frozen=True, eq=False, kw_only=True)
class PyNNNetwork:
    """Populations and projections in the order in which the script makes them.

    ``timestep``: ms. ``time_scale_factor``: how many times slower than real time the machine runs.
    """

    populations: Sequence[PyNNPopulation]
    projections: Sequence[PyNNProjection] = ()
    timestep: float = 1.0
    time_scale_factor: int = 1

    def __post_init__(self) -> None:
        _expect(
            0 < self.timestep <= 65.0,
            "is out of range",
            where="PyNNNetwork.timestep",
            value=self.timestep,
            limit="ms",
        )
        _expect(
            self.time_scale_factor >= 1, "is out of range",
            where="PyNNNetwork.time_scale_factor", value=self.time_scale_factor, limit=">= 1",
        )  # fmt: skip
        sizes: dict[str, PyNNPopulation] = {}
        for population in self.populations:
            _expect(
                population.name not in sizes,
                "two populations of one name",
                where=f"population {population.name!r}",
            )
            sizes[population.name] = population
        rules: dict[str, PyNNSTDP] = {}
        for p in self.projections:
            where = f"projection {p.label!r}"
            for column, (end, name) in enumerate((("pre", p.pre), ("post", p.post))):
                _expect(name in sizes, f"its {end} population does not exist", where=where, value=name)
                index = p.table[:, column]
                _expect(
                    bool(((index >= 0) & (index < sizes[name].size) & (index == np.floor(index))).all()),
                    f"a connection names a neuron that {name!r} does not have",
                    where=where, limit=f"0 to {sizes[name].size - 1}",
                )  # fmt: skip
            _expect(not sizes[p.post].is_source, "ends at a spike source", where=where, value=p.post)
            if p.stdp is not None:
                _expect(
                    rules.setdefault(p.post, p.stdp) == p.stdp,
                    f"the plastic projections to {p.post!r} must have one rule: a core holds one",
                    where=where, value=p.stdp, limit=rules[p.post],
                )  # fmt: skip

    @property
    def timestep_us(self) -> int:
        """The time step in microseconds, as the host counts it."""
        return math.ceil(self.timestep * 1000)

    def population(self, name: str) -> PyNNPopulation:
        """A population by name."""
        return next(p for p in self.populations if p.name == name)

    def inputs(self, steps: int) -> dict[str, Spikes]:
        """The packets that the spike sources send in the first ``steps`` steps, one sample.

        A time that is asked for twice is sent twice. Sources without projections send nothing and are left out.
        """
        sending = {p.pre for p in self.projections}
        found = {}
        for p in self.populations:
            if p.is_source and p.name in sending:
                times = p.spike_times()
                step = spike_steps(np.concatenate([np.zeros(0), *times]), self.timestep_us)
                neuron = np.repeat(np.arange(len(times)), [len(t) for t in times])
                here = (step >= 0) & (step < steps)
                cells, count = np.unique(step[here] * p.size + neuron[here], return_counts=True)
                found[p.name] = Spikes(
                    np.zeros_like(cells), cells // p.size, cells % p.size, count,
                    shape=(p.size,), dt=self.timestep_us * 1e-6, steps=steps, samples=1,
                )  # fmt: skip
        return found
