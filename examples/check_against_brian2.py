"""One description in two simulators: Brian2 must put every spike into the same step. Needs the extra ``interop``."""

import numpy as np

import neurosim as ns


def main() -> bool:
    net = ns.Network(dt=1e-3, seed=1)
    net.input("noise", 50)
    net.population("excitatory", 80, ns.CurrentLIF(tau_synapse=5e-3, threshold=0.5, refractory=2e-3))
    net.population("inhibitory", 20, ns.LIF(tau_membrane=10e-3))
    net.connect("noise", "excitatory", ns.FixedProbability(0.2), weight=ns.Normal(0.4, 0.1))
    net.connect(
        "excitatory", "inhibitory", ns.FixedProbability(0.3), weight=0.3, delay=ns.Uniform(1e-3, 5e-3)
    )
    net.connect("inhibitory", "excitatory", ns.FixedProbability(0.3), weight=-0.2, delay=2e-3)

    noise = np.random.default_rng(0).random((500, 1, 50)) < 0.05
    ours = ns.simulate(net, {"noise": noise})
    theirs = ns.simulate(net, {"noise": noise}, backend="brian2")
    same = all(ours[name].spikes == theirs[name].spikes for name in net.populations)
    for name in net.populations:
        print(f"{name}: {ours[name].spikes} here, {theirs[name].spikes} in Brian2")
    print("every spike is in the same step" if same else "the simulators disagree")
    return same


if __name__ == "__main__":
    main()
