"""Inputs that fire together win: pair STDP on one neuron finds the correlated fifth of its inputs."""

import numpy as np

import neurosim as ns

GROUP = 40
"""Inputs that share their spikes; 160 more are independent, at the same rate."""


def main() -> float:
    net = ns.Network(dt=1e-3, seed=0)
    inputs = net.input("inputs", 200)
    neuron = net.population("neuron", 1, ns.LIF(tau_membrane=20e-3, threshold=1.0))
    rule = ns.STDP(a_plus=0.0008, a_minus=0.00084, w_min=0.0, w_max=0.06)
    net.connect(inputs, neuron, ns.AllToAll(), weight=0.03, plasticity=rule, name="learning")

    rng = np.random.default_rng(0)
    steps = 20_000
    events = rng.random((steps, 1, 200)) < 0.01
    together = rng.random(steps) < 0.01
    events[:, 0, :GROUP] = together[:, None] & (rng.random((steps, GROUP)) < 0.9) | (
        rng.random((steps, GROUP)) < 0.001
    )
    recording = ns.simulate(net, {"inputs": ns.Spikes.from_dense(events, dt=net.dt)})

    weights = recording.weights["learning"][0]
    group, others = weights[:GROUP].mean(), weights[GROUP:].mean()
    print(f"mean weight: correlated {group:.4f}, independent {others:.4f}")
    return float(group / others)


if __name__ == "__main__":
    main()
