"""The compiled engine against one that is obviously right: random small networks, run in plain Python step by step."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

import neurosim as ns
from neurosim import random
from neurosim.engine import lower
from neurosim.engine.ops.drive_reference import added
from neurosim.engine.plan import Plan

DT = 1e-3
HUGE = 1100
"""More neurons than a tile has."""


def run_plainly(
    plan: Plan, inputs: Mapping[str, NDArray[np.int64]], steps: int, samples: int, seed: int
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, dict[str, NDArray[np.float64]]]]:
    """Spikes [T, B, n] and states [T, B, n] of all populations. Zero delays must point to populations made later.

    inputs: counts [T, B, n].
    """
    names = list(plan.populations)
    spikes, states = {}, {}
    for name, p in plan.populations.items():
        spikes[name] = np.zeros((steps, samples, p.size), bool)
        states[name] = {v: np.zeros((steps, samples, p.size)) for v in p.model.STATE}
    for sample in range(samples):
        now, coming = {}, {}
        for name, p in plan.populations.items():
            initial = p.model.initial(plan.dt)
            now[name] = [np.broadcast_to(np.ravel(initial[v]), p.size).tolist() for v in p.model.STATE]
            coming[name] = np.zeros((steps, len(p.model.RECEPTORS), p.size))

        def emit(source: str, k: int, counts: NDArray[Any], coming: Any = coming) -> None:
            for q in plan.projections:
                if q.pre != source or not q.n_synapses:
                    continue
                assert source not in names or q.min_delay > 0 or names.index(source) < names.index(q.post)
                for e in np.flatnonzero(counts[q.pre_index]):
                    if k + q.delay[e] < steps:
                        arriving = float(q.weight[e]) * float(counts[q.pre_index[e]])
                        coming[q.post][k + q.delay[e], q.receptor, q.target[e]] += arriving

        for k in range(steps):
            for name, counts in inputs.items():
                emit(name, k, counts[k, sample])
            for name, p in plan.populations.items():
                model, x = p.model, coming[name][k]
                coefficients = {c: np.ravel(v) for c, v in model.coefficients(plan.dt).items()}
                for d in plan.drives:
                    if d.population != name:
                        continue
                    more = added(d.drive, p.shape, plan.dt, random.key(seed, "drive", d.name), k, sample)
                    if d.drive.CURRENT:
                        gain = np.ravel(model.current_gain(plan.dt))
                        coefficients[model.CURRENT] = coefficients[model.CURRENT] + gain * more
                    else:
                        x[d.receptor] += more
                columns = [np.broadcast_to(c, p.size).tolist() for c in coefficients.values()]
                options = [getattr(model, o) for o in model.OPTIONS]
                rows = zip(*now[name], *x.tolist(), *columns, strict=True)
                found = [model.step(*row, *options) for row in rows]
                *new, spiked = (list(column) for column in zip(*found, strict=True))
                now[name] = new
                for variable, values in zip(model.STATE, new, strict=True):
                    states[name][variable][k, sample] = values
                spikes[name][k, sample] = spiked
                emit(name, k, spikes[name][k, sample])
    return spikes, states


@dataclass
class Case:
    """A network, and how it is run."""

    net: ns.Network
    inputs: dict[str, NDArray[np.int64]]
    steps: int
    samples: int
    threads: int
    record: dict[str, ns.Record]


def model_of(kind: str, size: int, rng: np.random.Generator) -> ns.NeuronModel:
    if kind == "same":
        return ns.LIF(tau_membrane=8e-3, threshold=0.8, refractory=2e-3, v_rest=0.1)
    if kind == "various":
        return ns.LIF(
            tau_membrane=rng.uniform(3e-3, 30e-3, size), threshold=rng.uniform(0.3, 1.5, size),
            resistance=rng.uniform(0.5, 2.0, size), refractory=DT * rng.integers(0, 4, size),
        )  # fmt: skip
    if kind == "two receptors":
        return ns.DualCurrentLIF(tau_membrane=8e-3, tau_excitatory=3e-3, threshold=0.4)
    return ns.Relay()


def rule_of(kind: str, n_pre: int, n_post: int, rng: np.random.Generator) -> Any:
    if kind == "dense":
        return ns.AllToAll() if n_pre * n_post < 5000 else ns.FixedProbability(0.1)
    if kind == "sparse":
        return ns.FixedProbability(min(0.3, 3.0 / n_post))
    if kind == "in-degree":
        return ns.FixedInDegree(min(3, n_pre), multapses=ns.Multapses.ALLOWED)
    n = int(rng.integers(1, 50))
    pre, post = rng.integers(0, n_pre, n), rng.integers(0, n_post, n)
    return ns.Sparse(np.concatenate([pre, pre[: n // 2]]), np.concatenate([post, post[: n // 2]]))


def ever_present(names: list[str], kinds: list[str]) -> list[tuple[str, str, str | None]]:
    """An input to every receptor. Each has synapses of one kind only, so that there are few kernels to compile."""
    receptors = {"two receptors": ("excitatory", "inhibitory")}
    return [
        ("in", name, r) for name, kind in zip(names, kinds, strict=True) for r in receptors.get(kind, (None,))
    ]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    net = ns.Network(dt=DT, seed=draw(st.integers(0, 100)))
    samples, threads = draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(1, 3))
    kinds = draw(
        st.lists(st.sampled_from(["same", "various", "two receptors", "relay"]), min_size=1, max_size=4)
    )
    sizes = [draw(st.sampled_from([1, 7, 64, 70, 130])) for _ in kinds]
    if draw(st.integers(0, 5)) == 0:
        sizes[-1] = HUGE
    steps = draw(st.integers(1, 20 if HUGE in sizes else 150))
    most = draw(st.integers(1, 3))
    counts = (rng.random((steps, samples, 9)) < 0.15) * rng.integers(1, most + 1, (steps, samples, 9))
    net.input("in", 9)
    net.input("silent", 4)
    for i, (kind, size) in enumerate(zip(kinds, sizes, strict=True)):
        net.population(f"p{i}", size, model_of(kind, size, rng))
    names = list(net.populations)
    drawn = [(draw(st.sampled_from(["in", "silent", *names, *names])), draw(st.sampled_from(names)), None)
             for _ in range(draw(st.integers(0, 8)))]  # fmt: skip
    for pre, post, receptor in [*ever_present(names, kinds), *drawn]:
        kind = draw(st.sampled_from(["dense", "sparse", "in-degree", "list"]))
        rule = rule_of(kind, net.size_of(pre), net.size_of(post), rng)
        earliest = 0 if pre in net.inputs or names.index(pre) < names.index(post) else 1
        longest = draw(st.sampled_from([2, 9, 90]))
        delay: Any = draw(st.sampled_from([earliest, earliest, longest])) * DT
        if draw(st.booleans()):
            delay = ns.Uniform(earliest * DT, longest * DT)
        if kind == "list" and draw(st.booleans()):
            delay = DT * rng.integers(earliest, longest, len(rule.pre))
        model = kinds[names.index(post)]
        if model == "two receptors":
            receptor = receptor or draw(st.sampled_from(["excitatory", "inhibitory"]))
        shared = model != "various" and receptor != "inhibitory"
        weight: Any = draw(st.sampled_from([0.125, -0.25, 0.125])) if shared else ns.Normal(0.1, 0.3)
        net.connect(pre, post, rule, weight=weight, delay=delay, receptor=receptor)
    for name, kind in zip(names, kinds, strict=True):
        if kind == "various":
            net.drive(name, ns.StepCurrent(amplitude=1.5, start=3e-3, stop=60e-3))
            net.drive(name, ns.CurrentDrive(values=rng.normal(0.2, 0.5, 40), every=2e-3))
    record = {}
    for name, kind, size in zip(names, kinds, sizes, strict=True):
        chosen = rng.integers(0, size, draw(st.integers(1, 5))).tolist() if draw(st.booleans()) else None
        variables = () if kind == "relay" else net.populations[name].model.STATE
        record[name] = ns.Record("spikes", *variables, every=DT * draw(st.integers(1, 7)), neurons=chosen)
    return Case(net, {"in": counts}, steps, samples, threads, record)


spiked = 0


@settings(max_examples=50)
@given(case=cases())
def test_spikes_are_equal_and_states_agree(case: Case) -> None:
    """Spikes must be the same. States may differ by the rounding of sums: arrivals are added here one by one, there by
    kind of synapse. Of the tens of additions that lie within a membrane time constant each rounds to 1e-16, so 1e-12
    leaves ample room, and is far below anything that a wrong weight, step or neuron would do."""
    global spiked
    plan = lower(case.net)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["neurosim.engine.simulate"], "WORTH_SPLITTING", 0)
        found = ns.simulate(
            plan, case.inputs, case.steps * DT, record=case.record, threads=case.threads, seed=4
        )
    spikes, states = run_plainly(plan, case.inputs, case.steps, case.samples, 4)
    for name, record in case.record.items():
        assert np.array_equal(found[name].spikes.dense(bool), spikes[name]), name
        every = record.stride(DT)
        for variable, values in states[name].items():
            expected = (
                values[::every] if record.neurons is None else values[::every][:, :, list(record.neurons)]
            )
            np.testing.assert_allclose(
                found[name].variables[variable],
                expected,
                rtol=1e-12,
                atol=1e-12,
                err_msg=f"{name}.{variable}",
            )
        spiked += int(spikes[name].sum())


def test_the_networks_were_busy() -> None:
    assert spiked > 10_000
