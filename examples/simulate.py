"""Describe a recurrent network, run it on a batch of noise, look at what it did."""

import numpy as np

import neurosim as ns


def main() -> ns.Recording:
    net = ns.Network(dt=1e-3, seed=0)
    sensor = net.input("sensor", shape=(2, 16, 16))
    liquid = net.population("liquid", 500, ns.LIF(tau_membrane=20e-3, threshold=1.0, refractory=2e-3))
    net.connect(sensor, liquid, ns.FixedProbability(0.05), weight=ns.Normal(0.3, 0.1))
    net.connect(
        liquid, liquid, ns.FixedProbability(0.1), weight=ns.Normal(0.0, 0.1), delay=ns.Uniform(1e-3, 8e-3)
    )
    net.output(liquid)

    rng = np.random.default_rng(0)
    events = ns.Spikes.from_dense(rng.random((300, 4, 2, 16, 16)) < 0.01, dt=net.dt)  # [T, B, *shape]
    recording = ns.simulate(net, {"sensor": events}, record={"liquid": ns.Record("spikes", "v")})

    spikes = recording["liquid"].spikes
    assert spikes is not None
    rate = spikes.counts().mean() / (recording.steps * net.dt)
    print(f"{spikes}: {rate:.1f} spikes/s a neuron, v of shape {recording['liquid'].v.shape}")
    return recording


if __name__ == "__main__":
    main()
