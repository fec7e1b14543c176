"""The cases in this project. The time is that of `neurosim.simulate` as a user calls it.
Spikes are counted, as in the peers.

Our arrivals are seen by the membrane in the step they fall into. In the peers an arrival changes an exponential
current or conductance after the update of its step, so our delay there is theirs plus one step; potential jumps
(brunel) have equal delays.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import neurosim as ns
from benchmarks.bounds import bytes_moved
from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory
from neurosim.engine.lower import lower

__all__ = ["build", "network"]

Described = tuple[ns.Network, dict[str, ns.Spikes], tuple[str, ...]]
WARM_UP = 20
"""Steps of a first run, which loads or compiles the kernels."""


def build(case: Case, options: Mapping[str, Any]) -> _Ours:
    """The network, lowered and run for a few steps."""
    return _Ours(case, options)


class _Ours:
    def __init__(self, case: Case, options: Mapping[str, Any]) -> None:
        self.case, self.version = case, ns.__version__
        self.options: dict[str, Any] = {"threads": options["threads"]}
        if options["precision"] == "single":
            self.options["precision"] = ns.Precision.SINGLE
        net, self.inputs, self.recorded = network(case)
        self.plan = lower(net)
        del net
        recurrent = [p for p in self.plan.projections if p.pre not in self.plan.inputs or p.plasticity]
        self.synapses = sum(p.n_synapses for p in recurrent)
        self.fired = 0
        self.weights: Any = None
        if options.get("warm_up", True):
            self._simulate(self.plan, min(WARM_UP, case.steps))

    def run(self) -> Run:
        start = time.perf_counter()
        recording = self._simulate(self.plan, self.case.steps)
        seconds = time.perf_counter() - start
        self.fired = int(sum(recording[name].counts.sum() for name in self.recorded))
        if self.case.kind == "stdp":  # the presynaptic neurons are an input and not recorded
            self.fired += len(self.inputs["pre"])
        if recording.weights:
            self.weights = next(iter(recording.weights.values()))
        return Run(seconds=seconds, spikes=self.fired)

    def finish(self) -> dict[str, Any]:
        found: dict[str, Any] = {"memory": peak_memory()}
        value_bytes = 4 if "precision" in self.options else 8
        events = self.case.events(self.fired)
        found["bytes_moved"] = bytes_moved(self.plan, events, self.case, value_bytes)
        if self.weights is not None:
            found["note"] = f"mean weight {float(np.mean(self.weights)):.6f}"
        if self.case.kind == "brunel":
            found["noise_seconds"] = self._noise()
        return found

    def _noise(self) -> float:
        """What the drive costs: neurons alone with it, less neurons alone without it."""
        times = []
        for with_noise in (True, False):
            plan = lower(_brunel_neurons(self.case, with_noise))
            self._simulate(plan, min(WARM_UP, self.case.steps), {})
            runs = []
            for _ in range(3):
                start = time.perf_counter()
                self._simulate(plan, self.case.steps, {})
                runs.append(time.perf_counter() - start)
            times.append(statistics.median(runs))
        return max(times[0] - times[1], 0.0)

    def _simulate(self, plan: Any, steps: int, inputs: Mapping[str, Any] | None = None) -> Any:
        record = dict.fromkeys(self.recorded, "counts")
        given = self.inputs if inputs is None else inputs
        return ns.simulate(plan, given, steps * self.case.dt, record=record, **self.options)


def network(case: Case) -> Described:
    """The description of a case, its inputs, and the populations whose spikes are counted."""
    if case.kind == "large":
        return _large(case), {}, ("neurons",)
    with np.load(case.arrays) as file:
        arrays = {name: file[name] for name in file.files}
    return _MAKERS[case.kind](case, arrays)


def _two_kinds(net: ns.Network, case: Case, a: Mapping[str, Any], delay: float, receptors: bool) -> None:
    pre = np.repeat(np.arange(case.neurons, dtype=np.int32), np.diff(a["row_start"]))
    split = a["row_start"][int(a["excitatory"])]
    for name, part in (("excitatory", slice(None, split)), ("inhibitory", slice(split, None))):
        net.connect(
            "neurons",
            "neurons",
            ns.Sparse(pre[part], a["target"][part]),
            weight=case.parameters[name],
            delay=delay,
            receptor=name if receptors else None,
            name=name,
        )


def _vogels_abbott(case: Case, a: Mapping[str, Any], model: Any, **more: Any) -> Described:
    p = case.parameters
    same = (
        "tau_membrane", "tau_excitatory", "tau_inhibitory", "threshold", "v_rest", "v_reset", "refractory",
    )  # fmt: skip
    net = ns.Network(dt=case.dt)
    net.population("neurons", case.neurons, model(**{name: p[name] for name in same}, v_init=a["v"], **more))
    _two_kinds(net, case, a, p["delay"] + case.dt, receptors=True)
    return net, {}, ("neurons",)


def _cuba(case: Case, a: Mapping[str, Any]) -> Described:
    return _vogels_abbott(case, a, ns.DualCurrentLIF)


def _coba(case: Case, a: Mapping[str, Any]) -> Described:
    p = case.parameters
    more = {name: p[name] for name in ("reversal_excitatory", "reversal_inhibitory")}
    return _vogels_abbott(case, a, ns.ConductanceLIF, current=p["drive"], **more)


def _brunel_neurons(case: Case, with_noise: bool) -> ns.Network:
    p = case.parameters
    same = ("tau_membrane", "threshold", "v_reset", "refractory")
    net = ns.Network(dt=case.dt)
    net.population("neurons", case.neurons, ns.LIF(**{name: p[name] for name in same}))
    if with_noise:
        rate = p["noise_inputs"] * p["noise_rate"]
        net.drive("neurons", ns.PoissonDrive(rate=rate, weight=p["noise_weight"]))
    return net


def _brunel(case: Case, a: Mapping[str, Any]) -> Described:
    net = _brunel_neurons(case, with_noise=True)
    _two_kinds(net, case, a, case.parameters["delay"], receptors=False)
    return net, {}, ("neurons",)


def _liquid(case: Case, a: Mapping[str, Any]) -> Described:
    p = case.parameters
    net = ns.Network(dt=case.dt)
    net.input("input", p["channels"])
    model = ns.CurrentLIF(
        tau_membrane=p["tau_membrane"],
        tau_synapse=p["tau_synapse"],
        threshold=p["threshold"],
        spike_when=ns.SpikeWhen.EXCEEDED,
    )
    net.population("neurons", case.neurons, model)
    for pre, prefix in (("input", "input_"), ("neurons", "")):
        row_start = a[f"{prefix}row_start"]
        source = np.repeat(np.arange(len(row_start) - 1, dtype=np.int32), np.diff(row_start))
        rule = ns.Sparse(source, a[f"{prefix}target"])
        net.connect(pre, "neurons", rule, weight=a[f"{prefix}weight"], delay=case.dt)
    size = {"shape": p["channels"], "dt": case.dt, "steps": case.steps, "samples": case.samples}
    return net, {"input": ns.Spikes(a["sample"], a["step"], a["channel"], **size)}, ("neurons",)


def _stdp(case: Case, a: Mapping[str, Any]) -> Described:
    p, side = case.parameters, case.parameters["side"]
    net = ns.Network(dt=case.dt)
    net.input("pre", side)
    net.input("teacher", side)
    net.population("post", side, ns.Relay())
    rule = ns.STDP(
        tau_plus=p["tau"], tau_minus=p["tau"], a_plus=p["a_plus"], a_minus=p["a_minus"], w_min=0.0, w_max=1.0
    )
    net.connect("teacher", "post", ns.OneToOne(), receptor="repeated")
    net.connect("pre", "post", ns.AllToAll(), weight=p["weight"], plasticity=rule, receptor="ignored")
    inputs = {}
    for name, group in (("pre", "pre"), ("teacher", "post")):
        step, neuron = a[f"{group}_step"], a[f"{group}_neuron"]
        inputs[name] = ns.Spikes(
            np.zeros(len(step), np.int32), step, neuron, shape=side, dt=case.dt, steps=case.steps
        )
    return net, inputs, ("post",)


def _large(case: Case) -> ns.Network:
    """Neurons with drawn synapses, each with its own weight, and Poisson background that keeps them active."""
    p = case.parameters
    net = ns.Network(dt=case.dt, seed=1)
    net.population("neurons", case.neurons, ns.LIF(tau_membrane=20e-3, threshold=1.0, refractory=2e-3))
    net.drive("neurons", ns.PoissonDrive(rate=p["noise_rate"], weight=p["noise_weight"]))
    net.connect(
        "neurons",
        "neurons",
        ns.FixedInDegree(p["in_degree"]),
        weight=ns.Normal(p["weight"], p["spread"]),
        delay=p["delay"],
    )
    return net


_MAKERS: dict[str, Callable[[Case, Mapping[str, Any]], Described]] = {
    "cuba": _cuba,
    "coba": _coba,
    "brunel": _brunel,
    "liquid": _liquid,
    "stdp": _stdp,
}
