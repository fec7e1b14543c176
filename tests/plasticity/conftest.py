"""Two ways to learn from trains given for both sides: the engine, with relays as targets, and the plain reference."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.learning.reference import learn_reference
from neurosim.engine.lower import lower


def described(rule: ns.PlasticityRule, delay: np.ndarray, weight: np.ndarray) -> ns.Network:
    n_pre, n_post = weight.shape
    net = ns.Network(dt=1e-3)
    net.input("pre", n_pre)
    net.input("spikes", n_post)
    net.population("post", n_post, ns.Relay())
    net.connect("spikes", "post", ns.OneToOne())
    net.connect(
        "pre",
        "post",
        ns.AllToAll(),
        weight=weight,
        delay=delay * 1e-3,
        plasticity=rule,
        receptor="ignored",
        name="p",
    )
    return net


@pytest.fixture
def learned() -> Callable[..., np.ndarray]:
    """(rule, trains [T, n] of both sides, delay and weight [n_pre, n_post], third factor) -> weights at the end."""

    def run(
        rule: ns.PlasticityRule, pre: np.ndarray, post: np.ndarray, delay: np.ndarray, weight: np.ndarray,
        m: np.ndarray | None = None, *, engine: bool = True,
    ) -> np.ndarray:  # fmt: skip
        plan = lower(described(rule, delay, weight))
        p = next(q for q in plan.projections if q.name == "p")
        if engine:
            inputs = {"pre": pre[:, None].astype(int), "spikes": post[:, None].astype(int)}
            modulators: Any = {} if m is None else {"p": m}
            values = ns.simulate(plan, inputs, modulators=modulators, threads=1).weights["p"][0]
        else:
            values, _ = learn_reference(p, 1e-3, pre, post, m)
        out = np.zeros(weight.shape)
        out[p.pre_index, p.target] = values
        return out

    return run
