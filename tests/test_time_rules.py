"""The rules of time, sentence by sentence, as docs/design.md states them."""

import math

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import lower
from neurosim.errors import CycleError, DescriptionError, TimeGridError
from neurosim.spikes import Spikes

DT = 1e-3


def one(model: ns.NeuronModel, *, weight: float = 1.0, delay: float = 0.0, dt: float = DT) -> ns.Network:
    """One input channel onto one neuron."""
    net = ns.Network(dt=dt)
    net.input("in", 1)
    net.output(net.population("n", 1, model))
    net.connect("in", "n", ns.OneToOne(), weight=weight, delay=delay)
    return net


def spikes_at(*steps: int, of: int = 20, dt: float = DT) -> dict[str, Spikes]:
    n = len(steps)
    return {"in": Spikes([0] * n, steps, [0] * n, shape=1, dt=dt, steps=of)}


def trace(net: ns.Network, inputs: dict[str, Spikes], variable: str = "v") -> np.ndarray:
    return ns.simulate(net, inputs, record={"n": ns.Record(variable, "spikes")})["n"].variables[variable][
        :, 0, 0
    ]


@pytest.mark.parametrize(("duration", "steps"), [(0.02, 20), (0.0204, 20), (0.0206, 21), (0.0, 0)])
def test_a_duration_is_rounded_to_steps(duration: float, steps: int) -> None:
    assert ns.simulate(one(ns.LIF()), {}, duration).steps == steps


@pytest.mark.parametrize("d", [0, 1, 7])
def test_a_spike_of_step_j_over_d_steps_arrives_in_step_j_plus_d(d: int) -> None:
    v = trace(one(ns.LIF(threshold=9.0), delay=d * DT), spikes_at(3))
    assert np.flatnonzero(v)[0] == 3 + d


def test_what_is_recorded_for_a_step_is_the_state_after_it() -> None:
    net = one(ns.LIF(v_reset=-1.0, threshold=1.0), weight=1.0)
    r = ns.simulate(net, spikes_at(4), record={"n": ns.Record("v", "spikes")})
    assert r["n"].spikes.step.tolist() == [4]
    assert r["n"].v[4, 0, 0] == -1.0  # after the reset of the same step


def test_feed_forward_layers_settle_within_the_step() -> None:
    net = one(ns.LIF(threshold=1.0))
    for a, b in (("n", "second"), ("second", "third")):
        net.population(b, 1, ns.LIF(threshold=1.0))
        net.connect(a, b, ns.OneToOne())
    r = ns.simulate(net, spikes_at(5), record=dict.fromkeys(("n", "second", "third"), "spikes"))
    assert [r[name].spikes.step.tolist() for name in r] == [[5], [5], [5]]


def test_a_cycle_of_zero_delays_is_named() -> None:
    net = one(ns.LIF())
    net.population("m", 1, ns.LIF())
    net.connect("n", "m", ns.OneToOne())
    net.connect("m", "n", ns.OneToOne())
    with pytest.raises(CycleError, match=r"n -> m -> n|m -> n -> m"):
        ns.simulate(net, {}, 0.01)


def test_a_cycle_with_one_delay_runs() -> None:
    net = one(ns.LIF(threshold=1.0))
    net.population("m", 1, ns.LIF(threshold=1.0))
    net.connect("n", "m", ns.OneToOne())
    net.connect("m", "n", ns.OneToOne(), delay=3 * DT)
    r = ns.simulate(net, spikes_at(0), record={"n": "spikes", "m": "spikes"})
    assert r["n"].spikes.step.tolist() == r["m"].spikes.step.tolist() == [0, 3, 6, 9, 12, 15, 18]


def test_delays_lie_on_the_grid_to_a_millionth_of_dt_or_name_a_rounding() -> None:
    one(ns.LIF(), delay=3 * DT * (1 + 1e-7))
    with pytest.raises(TimeGridError, match="multiples of dt"):
        one(ns.LIF(), delay=3.001 * DT)
    net = ns.Network(dt=DT)
    net.input("in", 4)
    net.population("n", 4, ns.LIF())
    delays = np.array([0.4, 0.5, 1.5, 2.6]) * DT
    for rounding, steps in (
        (ns.Rounding.NEAREST, [0, 1, 2, 3]),
        (ns.Rounding.UP, [1, 1, 2, 3]),
        (ns.Rounding.DOWN, [0, 0, 1, 2]),
    ):
        name = rounding.name
        net.connect("in", "n", ns.OneToOne(), delay=delays, delay_rounding=rounding, name=name)
        plan = next(p for p in lower(net).projections if p.name == name)
        assert plan.delay[np.argsort(plan.pre_index)].tolist() == steps


def test_delay_distributions_are_rounded_half_up() -> None:
    net = ns.Network(dt=DT, seed=5)
    net.input("in", 50)
    net.population("n", 50, ns.LIF())
    net.connect("in", "n", ns.AllToAll(), delay=ns.Uniform(0.5 * DT, 3.5 * DT))
    counts = np.bincount(lower(net).projections[0].delay)
    assert counts[0] == 0
    assert len(counts) == 4
    # three equal bins of a uniform: 2500 draws, five standard deviations of a binomial
    assert np.abs(counts[1:] - 2500 / 3).max() < 5 * math.sqrt(2500 * 2 / 9)


@pytest.mark.parametrize("dt", [1e-3, 1e-4])
@pytest.mark.parametrize("tau", [5e-3, 50e-3])
def test_a_weight_is_a_jump_and_is_never_divided_by_a_time_constant(dt: float, tau: float) -> None:
    quiet = {"threshold": 9.0}
    for model in (
        ns.LIF(tau_membrane=tau, **quiet),
        ns.IntegrateAndFire(**quiet),
        ns.LeakyIntegrator(tau_membrane=tau),
    ):
        assert trace(one(model, weight=0.7, dt=dt), spikes_at(2, dt=dt))[2] == 0.7
    model = ns.CurrentLIF(tau_membrane=tau, tau_synapse=tau / 2, **quiet)
    assert trace(one(model, weight=0.7, dt=dt), spikes_at(2, dt=dt), "i")[2] == 0.7


def test_lif_is_the_exact_solution_with_the_current_held_over_a_step() -> None:
    model = ns.LIF(tau_membrane=8e-3, v_rest=-2.0, resistance=3.0, current=0.5, threshold=99.0)
    v = trace(one(model), spikes_at(of=50))
    t = (np.arange(50) + 1) * DT
    # V(t) = V_rest + R I (1 - exp(-t/tau)); rounding grows with the number of steps
    assert np.allclose(v, -2.0 + 1.5 * (1 - np.exp(-t / 8e-3)), rtol=0, atol=50 * 4e-16)


@pytest.mark.parametrize("tau_synapse", [2e-3, 8e-3, 8e-3 * (1 + 1e-9), 30e-3])
def test_current_based_lif_is_the_exact_solution_also_where_the_time_constants_meet(
    tau_synapse: float,
) -> None:
    tau, w = 8e-3, 1.7
    v = trace(
        one(ns.CurrentLIF(tau_membrane=tau, tau_synapse=tau_synapse, threshold=99.0), weight=w),
        spikes_at(0, of=60),
    )
    t = (np.arange(60) + 1) * DT  # an arrival acts from the start of its step; the state is that at its end
    if abs(tau_synapse - tau) < 1e-6:
        exact = w * t / tau * np.exp(-t / tau)
    else:
        exact = w * tau_synapse / (tau_synapse - tau) * (np.exp(-t / tau_synapse) - np.exp(-t / tau))
    assert np.allclose(v, exact, rtol=1e-8 if tau_synapse != tau else 1e-12, atol=1e-14)


def test_threshold_reached_or_exceeded() -> None:
    for when, fires in ((ns.SpikeWhen.REACHED, 1), (ns.SpikeWhen.EXCEEDED, 0)):
        net = one(ns.LIF(threshold=1.0, spike_when=when), weight=1.0)
        assert len(ns.simulate(net, spikes_at(3))["n"].spikes) == fires


def test_reset_to_a_value_or_by_subtraction() -> None:
    for reset, after in ((ns.Reset.TO_VALUE, 0.25), (ns.Reset.BY_SUBTRACTION, 0.5)):
        net = one(ns.LIF(threshold=1.0, v_reset=0.25, reset=reset), weight=1.5)
        assert trace(net, spikes_at(3))[3] == after


def test_reset_in_the_next_step_follows_snntorch() -> None:
    """mem = beta mem + x - r th (subtract), beta (1 - r) mem + x (zero), with r = [old mem > th]; r = 0 (none)."""
    pattern = [0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1]
    steps = np.flatnonzero(pattern)
    for reset in ns.Reset:
        model = ns.LIF(
            tau_membrane=DT / math.log(2), threshold=1.0, reset=reset,
            reset_timing=ns.ResetTiming.NEXT_STEP, spike_when=ns.SpikeWhen.EXCEEDED,
        )  # fmt: skip
        r = ns.simulate(
            one(model, weight=0.75), spikes_at(*steps, of=12), record={"n": ns.Record("v", "spikes")}
        )
        mem, expected, fired = 0.0, [], []
        for k, x in enumerate(pattern):
            due = mem > 1.0
            by_subtraction, to_zero = reset is ns.Reset.BY_SUBTRACTION, reset is ns.Reset.TO_VALUE
            mem = 0.5 * mem * (not (due and to_zero)) + 0.75 * x - (due and by_subtraction)
            expected.append(mem)
            if mem > 1.0:
                fired.append(k)
        assert np.allclose(r["n"].v[:, 0, 0], expected, atol=1e-15)
        assert r["n"].spikes.step.tolist() == fired
        assert fired


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        (ns.RefractoryInput.DROP, [0, 0, 0, 0.6]),
        (ns.RefractoryInput.KEEP, [0, 0.6, 1.2, 0]),
        (ns.RefractoryInput.INTEGRATE, [0, 0.6, 0.9, 0]),
    ],
)
def test_refractory_for_a_number_of_steps(rule: ns.RefractoryInput, values: list[float]) -> None:
    """Spike in step 0, refractory 2 steps; arrivals of 0.6 in every step; decay 1/2 where v leaks."""
    model = ns.LIF(
        tau_membrane=DT / math.log(2), threshold=1.0, refractory=2 * DT, refractory_input=rule, v_init=1.0
    )
    r = ns.simulate(one(model, weight=0.6), spikes_at(0, 1, 2, 3), record={"n": ns.Record("v", "spikes")})
    assert r["n"].spikes.step[0] == 0
    assert np.allclose(r["n"].v[:4, 0, 0], values, atol=1e-15)


def test_the_synaptic_current_runs_on_while_refractory() -> None:
    model = ns.CurrentLIF(tau_synapse=DT / math.log(2), threshold=0.01, refractory=5 * DT)
    r = ns.simulate(one(model, weight=8.0), spikes_at(0), record={"n": ns.Record("v", "i")})
    assert np.allclose(r["n"].i[:5, 0, 0], [8, 4, 2, 1, 0.5])
    assert (r["n"].v[:6, 0, 0] == 0).all()


def test_a_refractory_period_is_rounded_to_steps() -> None:
    for seconds, steps in ((1.4e-3, 1), (1.5e-3, 2), (1.6e-3, 2)):
        r = ns.simulate(one(ns.LIF(threshold=1.0, refractory=seconds)), spikes_at(*range(6)))
        assert r["n"].spikes.step.tolist() == list(range(0, 6, steps + 1))


def test_a_late_reset_and_a_refractory_period_exclude_each_other() -> None:
    with pytest.raises(DescriptionError, match="refractory"):
        ns.LIF(reset_timing=ns.ResetTiming.NEXT_STEP, refractory=1e-3)


def test_counts_deliver_their_multiple() -> None:
    net = one(ns.LIF(threshold=9.0), weight=0.5)
    assert trace(net, {"in": Spikes([0], [2], [0], [3], shape=1, dt=DT, steps=5)})[2] == 1.5


def test_a_batch_is_independent_runs_from_the_same_initial_state() -> None:
    net = ns.Network(dt=DT, seed=2)
    net.input("in", 10)
    net.output(net.population("n", 30, ns.LIF(threshold=0.5)))
    net.connect("in", "n", ns.AllToAll(), weight=ns.Normal(0.1, 0.3))
    net.connect("n", "n", ns.FixedProbability(0.3), weight=ns.Normal(0, 0.3), delay=ns.Uniform(DT, 5 * DT))
    x = Spikes.from_dense(np.random.default_rng(0).random((200, 5, 10)) < 0.2, dt=DT)
    every = ns.simulate(net, {"in": x}, record={"n": ns.Record("v", "spikes")})
    for b in range(5):
        alone = ns.simulate(net, {"in": x.select([b])}, record={"n": ns.Record("v", "spikes")})
        assert np.array_equal(alone["n"].v[:, 0], every["n"].v[:, b])
        assert alone["n"].spikes == every["n"].spikes.select([b])
    assert len(every["n"].spikes) > 1000


def test_a_run_is_carried_on_from_its_final_state() -> None:
    net = one(ns.CurrentLIF(threshold=0.4), weight=1.0, delay=6 * DT)
    net.connect("n", "n", ns.OneToOne(), weight=-0.5, delay=9 * DT)
    x = Spikes.from_dense(np.random.default_rng(1).random((100, 2, 1)) < 0.6, dt=DT)
    whole = ns.simulate(net, {"in": x}, record={"n": ns.Record("v", "spikes")})
    first = ns.simulate(net, {"in": x.resize(37)}, record={"n": ns.Record("v", "spikes")})
    later = Spikes.from_dense(x.dense()[37:], dt=DT)
    second = ns.simulate(net, {"in": later}, record={"n": ns.Record("v", "spikes")}, state=first.final_state)
    joined = np.concatenate([first["n"].spikes.dense(), second["n"].spikes.dense()])
    assert np.array_equal(joined, whole["n"].spikes.dense())
    # sums of arrivals may be formed in another order: a few ulp of values below 10
    assert np.allclose(np.concatenate([first["n"].v, second["n"].v]), whole["n"].v, atol=1e-13)
    assert len(whole["n"].spikes) > 10


def test_the_networks_seed_draws_connectivity_and_nothing_else_does() -> None:
    def drawn(seed: int) -> tuple[bytes, ...]:
        net = ns.Network(dt=DT, seed=seed)
        net.input("in", 30)
        net.population("n", 30, ns.LIF())
        net.connect("in", "n", ns.FixedProbability(0.3), weight=ns.Normal(0, 1), delay=ns.Uniform(0, 9e-3))
        p = lower(net).projections[0]
        return p.target.tobytes(), p.weight.tobytes(), p.delay.tobytes()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
