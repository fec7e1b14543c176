"""The cases in NEST. Its kernel is emptied and the network made anew before every run, outside the measured time.

The measured time leaves out the first steps (one delay), in which NEST sorts its connections. The wheel on PyPI is
built for any x86-64 machine; one compiled for this processor may be faster.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory

__all__ = ["build"]

MS, MV = 1e3, 1e3


def build(case: Case, options: Mapping[str, Any]) -> _Nest:
    """The network in NEST's kernel."""
    import nest

    return _Nest(nest, case, options["threads"])


class _Nest:
    def __init__(self, nest: Any, case: Case, threads: int) -> None:
        nest.verbosity = nest.VerbosityLevel.ERROR
        self.nest, self.case, self.threads = nest, case, threads
        self.version = nest.__version__
        self.synapses = case.synapses
        self.p = dict(case.parameters)
        with np.load(case.arrays) as file:
            self.arrays = {name: file[name] for name in file.files}
        self.text = ""
        self.peak = 0
        self.made = False
        self._make()

    def _make(self) -> None:
        nest, case = self.nest, self.case
        nest.ResetKernel()
        nest.resolution = case.dt * MS
        nest.local_num_threads = self.threads
        nest.rng_seed = 1
        getattr(self, f"_make_{case.kind}")()
        nest.Prepare()
        self.made = True

    def run(self) -> Run:
        if not self.made:
            self._make()
        self.made = False
        found = self._run_samples() if self.case.kind == "liquid" else self._run_whole()
        self.peak = max(self.peak, peak_memory())
        if self.case.kind == "stdp" and not self.text:
            self.text = self._mean_weight()
        return found

    def finish(self) -> dict[str, Any]:
        return {"memory": self.peak, "note": self.text}

    def _run_whole(self) -> Run:
        nest = self.nest
        first = self.p.get("delay", self.case.dt) * MS
        nest.Run(first)
        spikes = int(nest.local_spike_counter)  # of the latest Run alone
        start = time.perf_counter()
        nest.Run(self.case.steps * self.case.dt * MS - first)
        seconds = time.perf_counter() - start
        spikes += int(nest.local_spike_counter)
        nest.Cleanup()
        return Run(seconds=seconds, spikes=spikes)

    def _run_samples(self) -> Run:
        """One sample after the other; V_m is cleared in between, synaptic currents cannot be."""
        nest, spikes = self.nest, 0
        nest.Run(self.case.dt * MS)
        start = time.perf_counter()
        for _ in range(self.case.samples):
            nest.Run(self.case.steps * self.case.dt * MS)
            spikes += int(nest.local_spike_counter)
            self.neurons.set(V_m=0.0)
        seconds = time.perf_counter() - start
        nest.Cleanup()
        return Run(seconds=seconds, spikes=spikes)

    def _make_cuba(self) -> None:
        p, capacitance = self.p, 200.0
        scale = capacitance / (p["tau_membrane"] * MS) * MV  # volts of drive to pA
        self._vogels_abbott("iaf_psc_exp", scale, C_m=capacitance, tau_m=p["tau_membrane"] * MS)

    def _make_coba(self) -> None:
        p, leak = self.p, 10.0
        self._vogels_abbott(
            "iaf_cond_exp",
            leak,
            C_m=leak * p["tau_membrane"] * MS,
            g_L=leak,
            E_ex=p["reversal_excitatory"] * MV,
            E_in=p["reversal_inhibitory"] * MV,
            I_e=leak * p["drive"] * MV,
        )

    def _vogels_abbott(self, model: str, scale: float, **settings: float) -> None:
        p = self.p
        settings.update(
            E_L=p["v_rest"] * MV,
            V_th=p["threshold"] * MV,
            V_reset=p["v_reset"] * MV,
            t_ref=p["refractory"] * MS,
            tau_syn_ex=p["tau_excitatory"] * MS,
            tau_syn_in=p["tau_inhibitory"] * MS,
        )
        self.neurons = self.nest.Create(model, self.case.neurons, params=settings)
        self.neurons.V_m = self.arrays["v"] * MV
        self._two_kinds(p["excitatory"] * scale, -abs(p["inhibitory"]) * scale)

    def _make_brunel(self) -> None:
        nest, p = self.nest, self.p
        self.neurons = nest.Create(
            "iaf_psc_delta",
            self.case.neurons,
            params={
                "C_m": 1.0,
                "tau_m": p["tau_membrane"] * MS,
                "E_L": 0.0,
                "V_m": 0.0,
                "V_th": p["threshold"] * MV,
                "V_reset": p["v_reset"] * MV,
                "t_ref": p["refractory"] * MS,
            },
        )
        noise = nest.Create("poisson_generator", params={"rate": p["noise_inputs"] * p["noise_rate"]})
        how = {"weight": p["noise_weight"] * MV, "delay": p["delay"] * MS}
        nest.Connect(noise, self.neurons, "all_to_all", how)
        self._two_kinds(p["excitatory"] * MV, p["inhibitory"] * MV)

    def _two_kinds(self, excitatory: float, inhibitory: float) -> None:
        """Two models of synapse whose weight all share, so that NEST does not keep one for each."""
        nest, a, delay = self.nest, self.arrays, self.p["delay"] * MS
        first = self.neurons.tolist()[0]
        pre = np.repeat(np.arange(self.case.neurons, dtype=np.int64), np.diff(a["row_start"])) + first
        post = a["target"].astype(np.int64) + first
        split = a["row_start"][int(a["excitatory"])]
        for name, part, weight in (
            ("excitatory", slice(None, split), excitatory),
            ("inhibitory", slice(split, None), inhibitory),
        ):
            nest.CopyModel("static_synapse_hom_w", name, {"weight": weight, "delay": delay})
            delays = np.full(len(pre[part]), delay)
            how = {"synapse_model": name, "delay": delays}
            nest.Connect(pre[part], post[part], "one_to_one", how)

    def _make_liquid(self) -> None:
        """NEST's shortest delay and refractory period are one step, so the loop is a step longer than elsewhere."""
        nest, p, a, case = self.nest, self.p, self.arrays, self.case
        self.neurons = nest.Create(
            "iaf_psc_exp",
            case.neurons,
            params={
                "C_m": p["tau_membrane"] * MS,
                "tau_m": p["tau_membrane"] * MS,
                "E_L": 0.0,
                "V_m": 0.0,
                "V_reset": 0.0,
                "V_th": p["threshold"],
                "t_ref": case.dt * MS,
                "tau_syn_ex": p["tau_synapse"] * MS,
                "tau_syn_in": p["tau_synapse"] * MS,
            },
        )
        # a step later, because a first step is run apart
        step = a["sample"].astype(np.int64) * case.steps + a["step"] + 2
        source = self._generators(a["channel"], step, p["channels"])
        for group, prefix in ((self.neurons, ""), (source, "input_")):
            row_start, weight = a[f"{prefix}row_start"], a[f"{prefix}weight"].astype(float)
            pre = np.repeat(np.arange(len(row_start) - 1, dtype=np.int64), np.diff(row_start))
            nest.Connect(
                pre + group.tolist()[0],
                a[f"{prefix}target"].astype(np.int64) + self.neurons.tolist()[0],
                "one_to_one",
                {
                    "synapse_model": "static_synapse",
                    "weight": weight,
                    "delay": np.full(len(weight), case.dt * MS),
                },
            )

    def _make_stdp(self) -> None:
        """Parrots repeat the trains; the plastic synapses end at the port that a parrot does not repeat.

        Post trains come a step early because NEST's delay is dendritic. NEST applies postsynaptic spikes at the next
        presynaptic one and ignores pairs within a step, so its final weights differ a little.
        """
        nest, p, a, side = self.nest, self.p, self.arrays, int(self.p["side"])
        tau, dt = p["tau"] * MS, self.case.dt * MS
        sources = [
            self._generators(a["pre_neuron"], a["pre_step"].astype(np.int64), side),
            self._generators(a["post_neuron"], a["post_step"].astype(np.int64) - 1, side),
        ]
        self.parrots = [
            nest.Create("parrot_neuron", side),
            nest.Create("parrot_neuron", side, params={"tau_minus": tau}),
        ]
        for source, parrot in zip(sources, self.parrots):  # noqa: B905  (peers may run on an older Python)
            nest.Connect(source, parrot, "one_to_one", {"delay": dt})
        common = {
            "tau_plus": tau,
            "lambda": p["a_plus"],
            "alpha": p["a_minus"] / p["a_plus"],
            "mu_plus": 0.0,
            "mu_minus": 0.0,
            "Wmax": 1.0,
        }
        how = {"synapse_model": "stdp_synapse", "weight": p["weight"], "delay": dt, "receptor_type": 1}
        nest.Connect(*self.parrots, "all_to_all", {**how, **common})

    def _mean_weight(self) -> str:
        weights = self.nest.GetConnections(*self.parrots).weight
        return f"mean weight {float(np.mean(weights)):.6f}"

    def _generators(self, neuron: Any, step: Any, size: int) -> Any:
        """A generator for each channel that fires at its steps."""
        order = np.lexsort((step, neuron))
        ends = np.cumsum(np.bincount(neuron, minlength=size))[:-1]
        trains = np.split(step[order] * (self.case.dt * MS), ends)
        return self.nest.Create("spike_generator", size, params=[{"spike_times": t} for t in trains])
