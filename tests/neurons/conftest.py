"""One neuron on a deterministic drive: in plain Python, in NEST, in Brian2.

``arrivals`` is [steps, receptors]. In NEST the state at time (j + 1) dt is ours of step j. In NEST and Brian2 what
arrives changes a synapse one step before the potential sees it, and ours in the step in which it sees it.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.plain_neurons import check_step, initial_state, update_reference

Run = tuple[dict[str, np.ndarray], list[int]]


@pytest.fixture
def run_plain() -> Callable[..., Run]:
    """Traces of all variables and the steps of the spikes, from the step in plain Python."""

    def run(model: ns.NeuronModel, dt: float, arrivals: np.ndarray) -> Run:
        check_step(model, dt)
        state = initial_state(model, dt, 1, 1)[:, 0]
        trace, spikes = np.zeros((len(arrivals), len(model.STATE))), []
        for k, x in enumerate(arrivals):
            if update_reference(model, dt, state, x)[0]:
                spikes.append(k)
            trace[k] = state[:, 0]
        return dict(zip(model.STATE, trace.T, strict=True)), spikes

    return run


@pytest.fixture(scope="session")
def run_nest() -> Callable[..., Run]:
    """The same of a model of NEST; ``late``: whether arrivals reach the potential in the step they arrive in."""
    nest = pytest.importorskip("nest", reason="NEST is not installed (extra 'interop')")

    def run(
        model: str,
        parameters: Mapping[str, Any],
        arrivals: np.ndarray,
        *,
        record: tuple[str, ...] = ("V_m",),
        dt_ms: float = 0.1,
        late: bool = False,
    ) -> Run:
        nest.ResetKernel()
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.resolution = dt_ms
        neuron = nest.Create(model, params=dict(parameters))
        for column in np.transpose(arrivals):
            (steps,) = np.nonzero(column)
            times = (steps + late - 9) * dt_ms
            source = nest.Create(
                "spike_generator",
                params={"spike_times": times.round(6).tolist(), "spike_weights": column[steps].tolist()},
            )
            nest.Connect(source, neuron, syn_spec={"weight": 1.0, "delay": 9 * dt_ms})
        meter = nest.Create("multimeter", params={"record_from": list(record), "interval": dt_ms})
        nest.Connect(meter, neuron)
        recorder = nest.Create("spike_recorder")
        nest.Connect(neuron, recorder)
        nest.Simulate((len(arrivals) + 20) * dt_ms)  # meters come in late
        spikes = np.rint(recorder.events["times"] / dt_ms).astype(int) - 1
        traces = {name: np.asarray(meter.events[name])[: len(arrivals)] for name in record}
        return traces, [k for k in spikes.tolist() if k < len(arrivals)]

    return run


@pytest.fixture(scope="session")
def run_brian2() -> Callable[..., Run]:
    """The same of equations of Brian2, all without units; ``targets``: what arrivals change, ``at_once`` if it is v."""
    brian2 = pytest.importorskip("brian2", reason="Brian2 is not installed (extra 'interop')")

    def run(*arguments: Any, **options: Any) -> Run:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pyparsing and NumPy, in Brian2's own code
            return simulate(*arguments, **options)

    def simulate(
        equations: str,
        constants: Mapping[str, Any],
        start: Mapping[str, float],
        arrivals: np.ndarray,
        targets: tuple[str, ...],
        *,
        dt: float,
        method: str,
        threshold: str,
        reset: str,
        held: int = 0,
        at_once: bool = False,
    ) -> Run:
        brian2.prefs.codegen.target = "numpy"
        step = dt * brian2.second
        clock = brian2.Clock(dt=step)
        # what is added to a synapse between two steps is there when the next one begins
        added = arrivals if at_once else np.vstack([arrivals[1:], np.zeros((1, arrivals.shape[1]))])
        names = [f"arrivals_{i}" for i in range(len(targets))]
        group = brian2.NeuronGroup(
            1,
            equations,
            method=method,
            threshold=threshold,
            reset=reset,
            refractory=(held + 1) * step if held else False,  # counted from the step of the spike
            namespace=dict(constants)
            | {name: brian2.TimedArray(added[:, i], dt=step) for i, name in enumerate(names)},
            clock=clock,
        )
        for name, value in start.items():
            setattr(group, name, value)
        free = "*int(not_refractory)" if held and at_once else ""
        group.run_regularly(
            "\n".join(f"{target} += {name}(t){free}" for target, name in zip(targets, names, strict=True)),
            when="after_groups" if at_once else "after_resets",
            clock=clock,
        )
        if not at_once:
            for i, name in enumerate(targets):
                setattr(group, name, start[name] + arrivals[0, i])
        monitor = brian2.StateMonitor(group, list(start), record=True, when="end", clock=clock)
        spikes = brian2.SpikeMonitor(group)
        brian2.Network(group, monitor, spikes).run(len(arrivals) * step)
        traces = {name: np.asarray(getattr(monitor, name))[0] for name in start}
        return traces, np.rint(np.asarray(spikes.t) / dt).astype(int).tolist()

    return run


@pytest.fixture
def barrage() -> Callable[..., np.ndarray]:
    """Arrivals [steps, receptors]: in each step with probability ``p`` one of a uniform size up to ``largest``."""

    def draw(steps: int, p: tuple[float, ...], largest: tuple[float, ...], seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        out = rng.random((steps, len(p))) * largest * (rng.random((steps, len(p))) < p)
        out[:12] = 0.0
        return out

    return draw
