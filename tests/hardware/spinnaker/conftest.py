"""Reading the reference networks: populations, connection lists and what the firmware did with them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from neurosim.hardware.spinnaker.numerics.arithmetic import accum
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, derive
from neurosim.hardware.spinnaker.numerics.ring_buffer import slots_for
from neurosim.hardware.spinnaker.pynn.conversion import (
    CONDUCTANCE_SCALE,
    delay_steps,
    raw_weights,
    spike_steps,
    weight_scale,
)
from neurosim.hardware.spinnaker.pynn.left_shift import ProjectionStatistics

MODELS = {
    "IFCurrExpBase": CoreModel.IF_CURR_EXP,
    "IFCurrDelta": CoreModel.IF_CURR_DELTA,
    "IFCondExpBase": CoreModel.IF_COND_EXP,
}
DEFAULTS = {
    "cm": 1.0, "tau_m": 20.0, "tau_refrac": 0.1, "v_rest": -65.0, "v_reset": -65.0, "v_thresh": -50.0, "i_offset": 0.0,
    "tau_syn_E": 5.0, "tau_syn_I": 5.0, "e_rev_E": 0.0, "e_rev_I": -70.0, "v": -65.0,
}  # fmt: skip


@dataclass
class ReferencePopulation:
    """A population of a reference network; ``atoms`` is min(size, atoms per core)."""

    name: str
    size: int
    model: CoreModel | None
    parameters: dict
    spike_steps: list | None
    synapse_params: np.ndarray | None = None
    slices: list = field(default_factory=list)

    @property
    def atoms(self):
        if self.synapse_params is not None:
            return int(self.synapse_params[0])
        return max((hi - lo for lo, hi in self.slices), default=self.size)

    @property
    def shifts(self):
        return tuple(int(s) for s in self.synapse_params[7:9])

    @property
    def slots(self):
        return slots_for(self.atoms)

    @property
    def global_scale(self):
        return CONDUCTANCE_SCALE if self.model is CoreModel.IF_COND_EXP else 1.0

    def words(self, dt):
        """Parameter words of all neurons, as `derive` takes them."""

        def column(value):
            return np.broadcast_to(accum(value), (self.size,))

        p = self.parameters
        neuron = [
            p["v"],
            p["v_rest"],
            p["cm"],
            p["tau_m"],
            p["i_offset"],
            p["v_reset"],
            p["tau_refrac"],
            0.0,
            dt,
        ]
        inputs = {CoreModel.IF_CURR_EXP: [], CoreModel.IF_CURR_DELTA: [dt]}.get(
            self.model, [p["e_rev_E"], p["e_rev_I"]]
        )
        synapse = (
            [0.0, 0.0]
            if self.model is CoreModel.IF_CURR_DELTA
            else [p["tau_syn_E"], 0, p["tau_syn_I"], 0, dt]
        )
        stack = [np.stack([column(v) for v in group], 1) if group else np.zeros((self.size, 0), np.int64)
                 for group in (neuron, inputs, synapse)]  # fmt: skip
        return stack[0], stack[1], column(p["v_thresh"]), stack[2]

    def derived(self, dt):
        return derive(self.model, *self.words(dt))


@dataclass
class ReferenceProjection:
    """A connection list: source, target, weight and delay of each synapse as given to the host."""

    name: str
    pre: str
    post: str
    receptor: int
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray

    def statistics(self):
        fan_in = int(np.bincount(self.target).max(initial=0))
        w = np.abs(self.weight)
        return ProjectionStatistics(
            fan_in=fan_in, mean=w.mean(), variance=w.var(), largest=w.max(), delay_variance=self.delay.var()
        )


@dataclass
class ReferenceNetwork:
    name: str
    dt: float
    steps: int
    populations: dict
    projections: list
    description: dict

    @property
    def plastic(self):
        return "stdp" in self.description

    def raw(self, projection):
        """Raw weights and delays in steps, as the host sends them."""
        post = self.populations[projection.post]
        raw = raw_weights(projection.weight, post.shifts[projection.receptor], post.global_scale)
        return raw, delay_steps(projection.delay, round(self.dt * 1000))

    def stages(self, projection):
        """Stages of the delay extension that a projection goes through; its source population has one for all."""
        slots = self.populations[projection.post].slots
        longest = {q.post: 0 for q in self.projections if q.pre == projection.pre}
        for q in self.projections:
            if q.pre == projection.pre:
                longest[q.post] = max(longest[q.post], int(self.raw(q)[1].max()))
        if longest[projection.post] <= slots:
            return 0
        return max(-(-d // self.populations[post].slots) for post, d in longest.items()) - 1

    def rows(self, projection):
        """Source, target, raw weight and delay that really act, the delay extension of the host included.

        Delays beyond the slots of the target go through rows that the host places with the atoms per core of the
        TARGET population, while the delay cores read them with those of the SOURCE. Where the two differ, synapses
        act from another source or delay, or not at all.
        """
        raw, delay = self.raw(projection)
        pre, post = self.populations[projection.pre], self.populations[projection.post]
        slots, atoms = post.slots, post.atoms
        stages = self.stages(projection)
        if stages == 0:
            return projection.source, projection.target, raw, delay
        reader = {}  # what a delay core sends for a row: the source neuron and the stage
        for i in range(pre.size):
            core, local = divmod(i, pre.atoms)
            on_core = min(pre.atoms, pre.size - core * pre.atoms)
            for s in range(1, stages + 1):
                reader[core * stages * pre.atoms + (s - 1) * on_core + local] = (i, s)
        out = []
        for i, j, w, d in zip(projection.source, projection.target, raw, delay, strict=True):
            stage = (int(d) - 1) // slots
            if stage == 0:
                out.append((i, j, w, d))
                continue
            core, local = divmod(int(i), atoms)
            row = core * atoms * stages + (stage - 1) * atoms + local
            if row < pre.size * stages and row in reader:
                source, s = reader[row]
                out.append((source, j, w, d - slots * stage + slots * s))
        return tuple(np.array(c, dtype=np.int64) for c in zip(*out, strict=True))


def _source_slices(path, populations):
    """Cores of the spike sources, from the image of the same network if there is one (else one core each)."""
    image = path.with_name(path.name.replace("net_", "image_"))
    if not image.is_file():
        return
    with np.load(image) as file:
        labels = [label for *_, label in json.loads(str(file["placements"]))]
    for label in labels:
        match = re.fullmatch(r"(\w+)\((\d+):(\d+)\)", label)
        if match and match[1] in populations and populations[match[1]].model is None:
            yield match[1], int(match[2]), int(match[3]) + 1


def read_network(path: Path) -> ReferenceNetwork:
    with np.load(path) as file:
        description = json.loads(str(file["net"]))
        dt = float(file["dt"])
        populations = {}
        for name, p in description["pops"].items():
            times = p.get("spike_times")
            steps = None if times is None else [spike_steps(t, round(dt * 1000)) for t in times]
            model = None if times is not None else MODELS[p["model"]]
            given = p.get("params", {})
            parameters = {**DEFAULTS, **given}
            if model is not None and "v" not in given:
                parameters["v"] = DEFAULTS["v"]
            populations[name] = ReferencePopulation(name, int(p["n"]), model, parameters, steps)
        for key in file.files:
            if key.startswith("synparams_"):
                name, _, part = key.removeprefix("synparams_").rpartition("(")
                lo, hi = (int(x) for x in part.rstrip(")").split(":"))
                populations[name].synapse_params = file[key].astype(np.int64)
                populations[name].slices.append((lo, hi + 1))
        for name, lo, hi in _source_slices(path, populations):
            populations[name].slices.append((lo, hi))
        for p in populations.values():
            p.slices.sort()
        projections = []
        for key in file.files:
            if key.startswith("conn_"):
                name = key.removeprefix("conn_")
                pre, post, receptor = (str(x) for x in file[f"conninfo_{name}"])
                list_ = file[key]
                projections.append(
                    ReferenceProjection(
                        name, pre, post, ["excitatory", "inhibitory"].index(receptor),
                        list_[:, 0].astype(np.int64), list_[:, 1].astype(np.int64), list_[:, 2], list_[:, 3],
                    )
                )  # fmt: skip
    return ReferenceNetwork(
        description["name"], dt, int(description["T"]), populations, projections, description
    )


@pytest.fixture(scope="session")
def reference_network():
    """A function from the path of a ``net_*.npz`` to its network."""
    return read_network


@pytest.fixture(scope="session")
def raw_weight_scale():
    return weight_scale


@pytest.fixture(scope="session")
def small_network():
    """A function that makes a recurrent network of two populations with mixed delays, and its input.

    Weights are multiples of 2**-10, which the machine holds exactly in populations of delta synapses.
    """
    from neurosim.connectivity.rules import AllToAll
    from neurosim.network import Network
    from neurosim.spikes import Spikes

    def make(model, size=100, samples=2, steps=200, longest=8, dt=1e-3):
        rng = np.random.default_rng(7)
        net = Network(dt=dt, seed=1)
        net.input("in", (2, 20))
        for name in ("a", "b"):
            net.population(name, size, model)

        def weights(n_pre, mean, spread):
            w = rng.normal(mean, spread, (n_pre, size)) * (rng.random((n_pre, size)) < 0.2)
            return np.rint(w * 1024) / 1024

        def delays(n_pre):
            return rng.integers(1, longest + 1, (n_pre, size)) * dt

        net.connect("in", "a", AllToAll(), weight=weights(40, 0.3, 0.2), delay=delays(40))
        net.connect("a", "b", AllToAll(), weight=weights(size, 0.15, 0.2), delay=0.0)
        net.connect("b", "a", AllToAll(), weight=weights(size, -0.1, 0.1), delay=delays(size) + dt)
        net.connect("b", "b", AllToAll(), weight=weights(size, 0.02, 0.1), delay=delays(size))
        net.output("a")
        net.output("b")
        events = (rng.random((steps, samples, 2, 20)) < 0.06).astype(np.float32)
        return net, {"in": Spikes.from_dense(events, dt=dt)}

    return make
