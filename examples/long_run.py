"""Record a run to a file as it goes, stop half-way, carry on from a saved state, and read a stretch of the result."""

import numpy as np

import neurosim as ns


def main() -> bool:
    net = ns.Network(dt=1e-3, seed=0)
    cells = net.population("cells", 400, ns.LIF(tau_membrane=20e-3, threshold=1.0, current=1.1))
    net.connect(cells, cells, ns.FixedProbability(0.1), weight=-0.01, delay=ns.Uniform(1e-3, 8e-3))
    net.output(cells)
    record = {"cells": ns.Record("spikes", "v", every=5e-3, neurons=range(10))}

    # Ctrl-C during either part would keep what it had recorded (ns.Interrupted)
    first = ns.simulate(net, duration=1.0, record=record, to="first.h5")
    assert first.final_state is not None
    first.final_state.save("state.h5", net)

    state = ns.State.load("state.h5", net)
    second = ns.simulate(net, duration=1.0, record=record, state=state, to="second.h5")
    print(f"the network is {second.final_state.step if second.final_state else 0} steps old")

    for piece in ns.load_recording("second.h5").pieces(250):  # reads 250 steps at a time
        counts = piece["cells"].spike_counts()
        assert counts is not None
        print(f"{counts.sum()} spikes, mean potential {piece['cells'].v.mean():.3f}")

    whole = ns.simulate(net, duration=2.0, record=record).between(1000, 2000)["cells"]
    same = whole.spikes == second["cells"].spikes and np.array_equal(whole.v, second["cells"].v)
    print(f"both parts together are the run in one: {same}")
    return same


if __name__ == "__main__":
    main()
