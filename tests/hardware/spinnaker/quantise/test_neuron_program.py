"""A population's program against the model's own step, neuron by neuron."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, derive
from neurosim.hardware.spinnaker.numerics.kernel import constants32, state32, step
from neurosim.hardware.spinnaker.quantise.activity import Activity
from neurosim.hardware.spinnaker.quantise.neuron_program import program
from neurosim.loss_report import LossKind
from neurosim.neurons import (
    LIF,
    ConductanceLIF,
    CurrentLIF,
    Discretisation,
    DualCurrentLIF,
    IntegrateAndFire,
    LeakyIntegrator,
    SpikeWhen,
)

DT = 1e-3


def activity(arrivals, memory=0.0):
    """Bounds of one neuron from the arrivals it will get, signs apart."""
    parts = np.stack([np.maximum(arrivals, 0), np.maximum(-arrivals, 0)])
    largest = parts.max(axis=1)[:, None] + 1e-9
    return Activity(largest, largest / (1 - memory), largest)


def on_chip(model, arrivals, bounds, lag=0):
    """v, i and spikes of one neuron on the chip, in units of the network; the program.

    ``arrivals``: [T], divided by sign, or [T, 2] magnitudes at the machine's receptors.
    """
    made = program(PlanPopulation("a", (1,), model), DT, bounds, lag)
    constants, state = derive(made.model, made.neuron, made.inputs, made.threshold, made.synapse)
    constants, state = constants32(constants), state32(state)
    current, spiked, wrapped = np.zeros(1, np.int32), np.zeros(1, bool), np.zeros(1, np.uint16)
    x = np.asarray(arrivals, np.float64)
    both = np.stack([np.maximum(x, 0), np.maximum(-x, 0)], axis=1) if x.ndim == 1 else x
    raw = np.rint(both * made.factors[:, 0] * 2.0 ** (15 - np.array(made.shifts)))
    assert raw.max(initial=0) <= 0xFFFF
    out = []
    for cells in raw.astype(np.uint16)[:, :, None]:
        step(
            int(made.model),
            0,
            1,
            cells[0].copy(),
            cells[1].copy(),
            made.shifts,
            constants,
            state,
            current,
            spiked,
            wrapped,
        )
        assert wrapped[0] == 0
        scale, offset = made.states["v"]
        out.append(
            (
                state.v[0] / 32768 / scale + offset,
                current[0] / 32768 / made.states.get("i", (1, 0))[0],
                spiked[0],
            )
        )
    return (*(np.array(a) for a in zip(*out, strict=True)), made)


def on_paper(model, arrivals):
    state = [float(v) for v in model.initial(DT).values()]
    k = [float(v) for v in model.coefficients(DT).values()]
    options = [getattr(model, name) for name in model.OPTIONS]
    out = []
    for x in np.asarray(arrivals, np.float64):
        *state, spike = model.step(*state, *np.atleast_1d(x).tolist(), *k, *options)
        out.append((state[0], state[1] if "i" in model.STATE else 0.0, spike))
    return tuple(np.array(a) for a in zip(*out, strict=True))


def arrivals_from(seed, steps=120, size=0.4):
    """Multiples of 1/64, so that no weight of a delta synapse is rounded."""
    rng = np.random.default_rng(seed)
    return np.rint(rng.normal(0.1, size, steps) * (rng.random(steps) < 0.5) * 64) / 64


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.floats(1.0, 300.0),
    st.sampled_from([0.0, -65.0, 0.3]),
    st.integers(0, 4),
    st.floats(-0.2, 0.5),
    st.sampled_from(LIF.DISCRETISATIONS),
)
def test_lif(seed, tau, v_rest, refractory, current, rule):
    """Spikes equal unless v comes within the stated error of the threshold; v to that error.

    The decay factor is off by at most 1.1 * 2**-15 a step, so v by that times 1/(1 - a) times its distance from rest.
    """
    x = arrivals_from(seed)
    model = LIF(
        tau_membrane=tau * DT * 1.05, threshold=v_rest + 1.0, v_rest=v_rest, v_reset=v_rest - 0.5,
        v_init=v_rest + 0.25, refractory=refractory * DT, current=current, discretisation=rule,
    )  # fmt: skip
    v, _, spikes, _ = on_chip(model, x, activity(x))
    v_paper, _, spikes_paper = on_paper(model, x)
    error = 1e-4 + 3.0 * min(1.1 / 32768 * tau, 120 * 1.1 / 32768) * max(1.0, abs(current) * 4)
    differ = np.flatnonzero(spikes != spikes_paper)
    until = differ[0] if len(differ) else len(x)
    assert np.abs(v[:until] - v_paper[:until]).max(initial=0.0) <= error
    if len(differ):  # only where the potential grazes the threshold
        unreset = v_paper[until] if not spikes_paper[until] else v[until]
        assert abs(unreset - model.threshold) <= error


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.floats(2.0, 60.0), st.floats(1.0, 30.0), st.integers(0, 3))
def test_current_lif(seed, tau_m, tau_s, refractory):
    """v and i below threshold; both time constants rounded, the weights to 16 bits."""
    x = arrivals_from(seed, size=0.05)
    model = CurrentLIF(
        tau_membrane=tau_m * DT, tau_synapse=tau_s * DT, threshold=40.0, refractory=refractory * DT, i_init=0.3,
        resistance=2.0, current=0.1,
    )  # fmt: skip
    v, i, spikes, made = on_chip(model, x, activity(x, np.exp(-1 / tau_s)))
    v_paper, i_paper, spikes_paper = on_paper(model, x)
    assert made.model is CoreModel.IF_CURR_EXP
    assert not spikes.any()
    assert not spikes_paper.any()
    assert np.abs(v - v_paper).max() <= 2e-3 * max(1.0, np.abs(v_paper).max())
    assert np.abs(i - i_paper).max() <= 1e-3 * max(1.0, np.abs(i_paper).max())


def arrivals_at_both(seed, size, steps=120):
    rng = np.random.default_rng(seed)
    return rng.gamma(1.0, size, (steps, 2)) * (rng.random((steps, 2)) < 0.4)


def activity_of_both(arrivals, memory):
    largest = arrivals.max(axis=0)[:, None] + 1e-9
    return Activity(largest, largest / (1 - np.array(memory)[:, None]), largest)


@settings(max_examples=60)
@given(
    st.integers(0, 10**6), st.floats(2.0, 60.0), st.floats(1.5, 30.0), st.floats(1.5, 30.0), st.integers(0, 3),
    st.sampled_from(DualCurrentLIF.DISCRETISATIONS),
)  # fmt: skip
def test_dual_current_lif(seed, tau_m, tau_e, tau_i, refractory, rule):
    """v below threshold with two time constants; an inhibitory weight is negative in the network."""
    x = arrivals_at_both(seed, 0.05)
    model = DualCurrentLIF(
        tau_membrane=tau_m * DT, tau_excitatory=tau_e * DT, tau_inhibitory=tau_i * DT, threshold=40.0,
        refractory=refractory * DT, i_excitatory_init=0.3, i_inhibitory_init=0.1, resistance=2.0, current=0.1,
        discretisation=rule,
    )  # fmt: skip
    v, _, spikes, made = on_chip(model, x, activity_of_both(x, np.exp([-1 / tau_e, -1 / tau_i])))
    v_paper, _, spikes_paper = on_paper(model, x * [1, -1])
    assert made.model is CoreModel.IF_CURR_EXP
    assert not spikes.any()
    assert not spikes_paper.any()
    assert np.abs(v - v_paper).max() <= 2e-3 * max(1.0, np.abs(v_paper).max())


@settings(max_examples=60)
@given(
    st.integers(0, 10**6), st.floats(3.0, 60.0), st.floats(1.5, 30.0), st.floats(1.5, 30.0), st.integers(0, 3),
    st.sampled_from([1.0, 0.02]),
)  # fmt: skip
def test_conductance_lif_is_the_euler_step(seed, tau_m, tau_e, tau_i, refractory, resistance):
    """v to 0.2 % of its range over 120 steps, below a threshold out of reach; conductances to four times the leak."""
    x = arrivals_at_both(seed, 0.15 / resistance / np.array([tau_e, tau_i]))
    model = ConductanceLIF(
        tau_membrane=tau_m * DT, tau_excitatory=tau_e * DT, tau_inhibitory=tau_i * DT, threshold=1.0,
        refractory=refractory * DT, g_excitatory_init=0.1 / resistance, resistance=resistance,
        current=2.0 / resistance, v_init=-62.0, discretisation=Discretisation.EULER,
    )  # fmt: skip
    v, _, spikes, made = on_chip(model, x, activity_of_both(x, [1 - 1 / tau_e, 1 - 1 / tau_i]))
    v_paper, _, spikes_paper = on_paper(model, x)
    assert made.model is CoreModel.IF_COND_EXP
    assert not spikes.any()
    assert not spikes_paper.any()
    assert np.ptp(v_paper) > 2.0
    assert np.abs(v - v_paper).max() <= 2e-3 * 80.0


@pytest.mark.parametrize("lag", [0, 2])
def test_conductance_lif_spikes(lag):
    """Driven at about 30 Hz with a refractory period: spikes in the same steps, also after a wait."""
    model = ConductanceLIF(discretisation=Discretisation.EULER)
    x = arrivals_at_both(1, np.array([0.15, 0.05]), 600)
    bounds = activity_of_both(x, np.exp([-1 / 5, -1 / 10]))
    v, _, spikes, made = on_chip(model, np.concatenate([np.zeros((lag, 2)), x]), bounds, lag)
    v_paper, _, spikes_paper = on_paper(model, x)
    assert spikes_paper.sum() > 15
    np.testing.assert_array_equal(spikes[lag:], spikes_paper)
    assert np.abs(v[lag:] - v_paper).max() < 0.05
    assert not any(loss.kind is LossKind.APPROXIMATED for loss in made.losses)


def test_exponential_euler_is_approximated_and_says_how_well():
    """The loss bounds how much longer a step is; here total is 2, rate 1/20: (1 - exp(-p)) 2 / (1 - exp(-2 p))."""
    bounds = Activity(*(np.array([[1.0], [0.0]]) for _ in range(3)))
    made = program(PlanPopulation("a", (1,), ConductanceLIF()), DT, bounds)
    (loss,) = [loss for loss in made.losses if loss.kind is LossKind.APPROXIMATED]
    p = 1 / 20
    assert loss.amount == pytest.approx((1 - np.exp(-p)) * 2 / (1 - np.exp(-2 * p)) - 1, rel=1e-3)


def test_conductances_without_room_are_refused():
    bounds = Activity(*(np.full((2, 1), 1e6) for _ in range(3)))
    with pytest.raises(CapacityError, match="calibration"):
        program(PlanPopulation("a", (1,), ConductanceLIF()), DT, bounds)


@given(st.integers(0, 10**6))
def test_integrate_and_fire_is_exact_on_its_grid(seed):
    """Between the lowest potential and the threshold nothing leaks: weights on the grid give v to the last bit."""
    x = np.maximum(arrivals_from(seed, 80, 0.15), -0.25)
    model = IntegrateAndFire(threshold=1.0)
    v_paper, _, spikes_paper = on_paper(model, x)
    if v_paper.min() < -1.0:
        return  # below the range that is kept
    v, _, spikes, _ = on_chip(model, x, activity(x))
    np.testing.assert_array_equal(v, v_paper)
    np.testing.assert_array_equal(spikes, spikes_paper)


@given(st.integers(0, 10**6), st.floats(2.0, 200.0))
def test_leaky_integrator_never_spikes(seed, tau):
    x = arrivals_from(seed, size=3.0)
    model = LeakyIntegrator(tau_membrane=tau * DT, v_rest=0.5)
    v, _, spikes, _ = on_chip(model, x, activity(x))
    assert not spikes.any()
    assert np.abs(v - on_paper(model, x)[0]).max() <= 1e-2 * max(1.0, np.abs(v).max())


@pytest.mark.parametrize(("when", "expected"), [(SpikeWhen.REACHED, True), (SpikeWhen.EXCEEDED, False)])
def test_reached_and_exceeded_differ_by_one_unit(when, expected):
    """A jump from rest to exactly the threshold."""
    x = np.array([1.0])
    _, _, spikes, _ = on_chip(LIF(tau_membrane=20e-3, spike_when=when), x, activity(x))
    assert bool(spikes[0]) is expected


@pytest.mark.parametrize("lag", [0, 3])
def test_a_population_that_starts_late_waits_with_its_initial_state(lag):
    model = CurrentLIF(
        tau_membrane=20e-3, tau_synapse=4e-3, threshold=9.0, v_init=0.7, i_init=0.5, current=0.2
    )
    x = np.zeros(20)
    bounds = Activity(*(np.full((2, 1), 0.5) for _ in range(3)))
    v, i, _, _ = on_chip(model, np.concatenate([np.zeros(lag), x]), bounds, lag)
    v_paper, i_paper, _ = on_paper(model, x)
    assert np.abs(v[lag:] - v_paper).max() < 1e-3
    assert np.abs(i[lag:] - i_paper).max() < 1e-3


def test_scale_is_a_power_of_two_and_undone():
    x = np.array([0.5])
    *_, made = on_chip(LIF(v_rest=-65.0, v_reset=-65.0, threshold=-50.0), x, activity(x))
    scale, offset = made.states["v"]
    assert np.log2(scale) % 1 == 0
    assert offset == -65.0
    assert made.neuron[0, 1] == 0
    assert made.threshold[0] == 15 * scale * 32768


def test_heterogeneous_parameters():
    taus = np.array([5e-3, 20e-3, 80e-3])
    bounds = Activity(*(np.ones((2, 3)) for _ in range(3)))
    made = program(PlanPopulation("a", (3,), LIF(tau_membrane=taus)), DT, bounds)
    np.testing.assert_allclose(made.derived["decay"], np.exp(-DT / taus), atol=1.1 / 32768)


def test_a_reset_that_would_fire_for_ever_is_refused():
    bounds = Activity(*(np.ones((2, 1)) for _ in range(3)))
    with pytest.raises(UnsupportedError, match=r"population 'a'.*Lower v_reset"):
        program(PlanPopulation("a", (1,), LIF(threshold=1.0, v_reset=1.0)), DT, bounds)


def test_very_slow_membranes_are_reported():
    bounds = Activity(*(np.full((2, 1), 0.05) for _ in range(3)))
    made = program(PlanPopulation("a", (1,), LIF(tau_membrane=100.0)), DT, bounds)
    assert made.losses[0].kind is LossKind.APPROXIMATED
    assert made.losses[0].amount > 1.0  # the leak is six times faster


def test_weights_beyond_the_format_are_refused():
    bounds = Activity(*(np.full((2, 1), 1e6) for _ in range(3)))
    with pytest.raises(CapacityError, match="population 'a'"):
        program(PlanPopulation("a", (1,), LIF(threshold=1.0)), DT, bounds)
