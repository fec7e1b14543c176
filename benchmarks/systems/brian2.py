"""The cases in Brian2: compiled to a C++ program of its own (``cpp``), or run from Python with Cython or NumPy code.

Times are those of the simulation loop alone, without loading arrays and making synapses. The C++ program is
compiled with Brian2's own options (``-O3 -ffast-math -march=native``).

In Brian2 a refractory period counts from the step of the spike, so one that holds n steps is (n + 1) dt long.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.runner import Run, all_cores, peak_memory

__all__ = ["build"]

PEAK_OF_CHILD = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
json.dump(peak, open(sys.argv[1], "w"))
sys.exit(code)
"""
"""A small process between this one and the program, whose own size would be counted otherwise."""


def build(case: Case, options: Mapping[str, Any]) -> _Compiled | _FromPython:
    """The network on one of Brian2's devices: ``options["device"]`` is "cpp", "cython" or "numpy"."""
    import brian2 as b

    if options["precision"] == "single":
        b.prefs.core.default_float_dtype = np.float32
    device = options["device"]
    if device == "cpp":
        threads = options["threads"]
        b.prefs.devices.cpp_standalone.openmp_threads = threads if threads > 1 else 0
        b.prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{os.cpu_count()}"]
        b.set_device("cpp_standalone", build_on_run=False, directory="brian2")
        return _Compiled(b, case)
    b.prefs.codegen.target = device
    return _FromPython(b, case)


class _Network:
    """The network of a case; ``neurons`` are those whose spikes count."""

    def __init__(self, b: Any, case: Case) -> None:
        self.b, self.case = b, case
        self.version = b.__version__
        b.seed(1)
        b.defaultclock.dt = case.dt * b.second
        with np.load(case.arrays) as file:
            self.arrays = {name: file[name] for name in file.files}
        self.p = dict(case.parameters)
        make = {"cuba": self._cuba, "coba": self._coba, "brunel": self._brunel}
        make.update(liquid=self._liquid, stdp=self._stdp)
        self.counted: list[Any] = []
        self.synapses_object: Any = None
        self.synapses = 0
        parts = make[case.kind]()
        self.net = b.Network(*parts, *self.counted)
        if case.kind == "brunel":  # a jump is tested in the step in which it arrives
            self.net.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
        self.duration = case.steps * case.samples * case.dt * b.second

    def spikes(self) -> int:
        """Spikes of the latest run."""
        return sum(int(monitor.num_spikes) for monitor in self.counted)

    def _count(self, group: Any) -> None:
        self.counted.append(self.b.SpikeMonitor(group, record=False))

    def _vogels_abbott(self, equations: str, method: str) -> list[Any]:
        b, p = self.b, self.p
        n, names = self.case.neurons, {**p, "T": b.second}
        neurons = b.NeuronGroup(
            n,
            equations
            + """
            dge/dt = -ge/(tau_excitatory*T) : 1
            dgi/dt = -gi/(tau_inhibitory*T) : 1""",
            threshold="v > threshold",
            reset="v = v_reset",
            refractory=(p["refractory"] + self.case.dt) * b.second,
            method=method,
            namespace=names,
        )
        neurons.v = self.arrays["v"]
        self._count(neurons)
        return [neurons, *self._two_kinds(neurons, "ge_post += excitatory", "gi_post += inhibitory", names)]

    def _two_kinds(
        self, neurons: Any, excitatory: str, inhibitory: str, names: Mapping[str, Any]
    ) -> list[Any]:
        b, a = self.b, self.arrays
        pre = np.repeat(np.arange(self.case.neurons, dtype=np.int32), np.diff(a["row_start"]))
        split = a["row_start"][int(a["excitatory"])]
        delay = (self.p["delay"] - (self.case.dt if self.case.kind == "brunel" else 0.0)) * b.second
        made = []
        for part, code in ((slice(None, split), excitatory), (slice(split, None), inhibitory)):
            synapses = b.Synapses(neurons, neurons, on_pre=code, delay=delay, namespace=names)
            synapses.connect(i=pre[part], j=a["target"][part])
            made.append(synapses)
        self.synapses = len(a["target"])
        return made

    def _cuba(self) -> list[Any]:
        return self._vogels_abbott(
            "dv/dt = (ge + gi + v_rest - v)/(tau_membrane*T) : 1 (unless refractory)", "exact"
        )

    def _coba(self) -> list[Any]:
        return self._vogels_abbott(
            """dv/dt = (v_rest - v + drive + ge*(reversal_excitatory - v) + gi*(reversal_inhibitory - v))
                       /(tau_membrane*T) : 1 (unless refractory)""",
            "exponential_euler",
        )

    def _brunel(self) -> list[Any]:
        """A jump while refractory is lost: Brian2 does not write a variable that is "unless refractory" then."""
        b, p = self.b, self.p
        names = {**p, "T": b.second}
        neurons = b.NeuronGroup(
            self.case.neurons,
            "dv/dt = -v/(tau_membrane*T) : 1 (unless refractory)",
            threshold="v >= threshold",
            reset="v = v_reset",
            refractory=(p["refractory"] + self.case.dt) * b.second,
            method="exact",
            namespace=names,
        )
        self._count(neurons)
        noise = b.PoissonInput(
            neurons, "v", int(p["noise_inputs"]), p["noise_rate"] * b.Hz, weight=p["noise_weight"]
        )
        return [
            neurons,
            noise,
            *self._two_kinds(neurons, "v_post += excitatory", "v_post += inhibitory", names),
        ]

    def _liquid(self) -> list[Any]:
        """All samples in one run, state cleared at the start of each."""
        b, p, a, case = self.b, self.p, self.arrays, self.case
        neurons = b.NeuronGroup(
            case.neurons,
            """dv/dt = (current - v)/(tau_membrane*T) : 1
               dcurrent/dt = -current/(tau_synapse*T) : 1""",
            threshold="v > threshold",
            reset="v = 0",
            method="exact",
            namespace={**p, "T": b.second},
        )
        neurons.run_regularly("v = 0; current = 0", dt=case.steps * case.dt * b.second, when="start")
        step = a["sample"].astype(np.int64) * case.steps + a["step"]
        source = b.SpikeGeneratorGroup(p["channels"], a["channel"], step * case.dt * b.second)
        made = []
        for group, prefix in ((neurons, ""), (source, "input_")):
            row_start, target = a[f"{prefix}row_start"], a[f"{prefix}target"]
            synapses = b.Synapses(group, neurons, "weight : 1", on_pre="current_post += weight")
            synapses.connect(i=np.repeat(np.arange(len(row_start) - 1), np.diff(row_start)), j=target)
            synapses.weight = a[f"{prefix}weight"]
            made.append(synapses)
        self.synapses = len(a["target"])
        self._count(neurons)
        return [neurons, source, *made]

    def _stdp(self) -> list[Any]:
        b, p, a, side = self.b, self.p, self.arrays, int(self.p["side"])
        groups = [
            b.SpikeGeneratorGroup(side, a[f"{g}_neuron"], a[f"{g}_step"] * self.case.dt * b.second)
            for g in ("pre", "post")
        ]
        synapses = b.Synapses(
            *groups,
            """w : 1
               dx/dt = -x/(tau*T) : 1 (event-driven)
               dy/dt = -y/(tau*T) : 1 (event-driven)""",
            on_pre="x += a_plus; w = clip(w + y, 0, 1)",
            on_post="y -= a_minus; w = clip(w + x, 0, 1)",
            namespace={**p, "T": b.second},
        )
        synapses.connect()
        synapses.w = p["weight"]
        for group in groups:
            self._count(group)
        self.synapses, self.synapses_object = side * side, synapses
        return [*groups, synapses]

    def note(self) -> dict[str, str]:
        """What the plastic weights have become, so that it can be compared."""
        if self.synapses_object is None:
            return {}
        return {"note": f"mean weight {float(np.mean(self.weights())):.6f}"}

    def weights(self) -> Any:
        """The plastic weights, ordered by (pre, post)."""
        synapses = self.synapses_object
        return np.asarray(synapses.w[:])[np.lexsort((synapses.j[:], synapses.i[:]))]


class _FromPython(_Network):
    def __init__(self, b: Any, case: Case) -> None:
        super().__init__(b, case)
        self.net.store()
        self.net.run(0 * b.second)  # generates and compiles

    def run(self) -> Run:
        times: list[float] = []

        def report(*_: Any) -> None:  # called when the loop starts and when it ends
            times.append(time.perf_counter())

        self.net.restore()
        self.net.run(self.duration, report=report, report_period=1e6 * self.b.second)
        return Run(seconds=times[-1] - times[0], spikes=self.spikes())

    def finish(self) -> dict[str, Any]:
        return {"memory": peak_memory(), **self.note()}


class _Compiled(_Network):
    def __init__(self, b: Any, case: Case) -> None:
        super().__init__(b, case)
        self.peak = Path("peak_memory.json").resolve()
        Path("peak_of_child.py").write_text(PEAK_OF_CHILD)
        program = [sys.executable, "-S", str(Path("peak_of_child.py").resolve()), str(self.peak), "./main"]
        b.prefs.devices.cpp_standalone.run_cmd_unix = program
        self.net.run(self.duration)
        with all_cores():  # for compilers; the program itself is run on those that it has threads for
            b.device.build(run=False, with_output=False, directory="brian2")

    def run(self) -> Run:
        self.b.device.run("brian2", with_output=False, run_args=[])
        seconds = float(Path("brian2/results/last_run_info.txt").read_text().split()[0])
        return Run(seconds=seconds, spikes=self.spikes())

    def finish(self) -> dict[str, Any]:
        found = {"memory": json.loads(self.peak.read_text()), **self.note()}
        shutil.rmtree("brian2", ignore_errors=True)
        return found
