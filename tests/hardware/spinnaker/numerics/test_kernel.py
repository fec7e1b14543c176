"""The neuron kernel against the states of the genuine sPyNNaker firmware, and against the plain NumPy version."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, derive
from neurosim.hardware.spinnaker.numerics.kernel import CAUSES, constants32, state32, step, step_reference


def run(stepper, model, constants, state, ring, shift):
    """States after every step of a core whose ring-buffer cells are given."""
    steps, _, n = ring.shape
    out = {
        k: np.zeros((steps, n), np.int64)
        for k in ("V", "refract", "syn_exc", "syn_inh", "V_recorded", "wraps", "current")
    }
    out["spikes"] = np.zeros((steps, n), bool)
    constants, state = constants32(constants), state32(state)
    current, spiked, wrapped = np.zeros(n, np.int32), np.zeros(n, bool), np.zeros(n, np.uint16)
    for k in range(steps):
        out["V_recorded"][k] = state.v
        cells = ring[k].copy()
        shifts = (int(shift[0]), int(shift[1]))
        lost = stepper(int(model), 0, n, *cells, shifts, constants, state, current, spiked, wrapped)
        assert lost == np.bitwise_or.reduce(wrapped)
        assert not cells.any()
        for name, value in zip(("V", "refract", "syn_exc", "syn_inh"), state, strict=True):
            out[name][k] = value
        out["spikes"][k], out["wraps"][k], out["current"][k] = spiked, wrapped, current
    return out


def core(file):
    """Model, constants and initial state from the parameter words of a reference file."""
    model = CoreModel[str(file["model"]).upper()]
    n_steps = int(file["n_steps_per_timestep"])
    neuron, inputs, synapse = (file[k] for k in ("neuron_params", "input_params", "synapse_params"))
    return model, *derive(model, neuron, inputs, file["thresh_params"][:, 0], synapse, n_steps)


@pytest.mark.reference("spinnaker/core_*.npz")
def test_every_integer_of_the_firmware(reference_file):
    """V, timer, both synaptic values, spikes and the recorded V of every step: no integer differs."""
    with np.load(reference_file) as file:
        model, constants, state = core(file)
        ours = run(step, model, constants, state, file["ring"], file["left_shift"])
        for name in ("V", "refract", "syn_exc", "syn_inh", "V_recorded", "spikes"):
            differences = int((ours[name] != file[name]).sum())
            assert differences == 0, f"{differences} of {ours[name].size} in {name}"


@pytest.mark.reference("spinnaker/core_*.npz")
def test_constants_derived_on_the_chip(reference_file):
    with np.load(reference_file) as file:
        model, c, s = core(file)
        ours = [s.v, c.v_rest, c.resistance, c.exp_tc, c.i_offset, s.timer, c.v_reset, c.t_refract]
        np.testing.assert_array_equal(np.stack(ours, axis=1), file["neuron_state0"])
        np.testing.assert_array_equal(c.threshold, file["threshold"])
        if model is not CoreModel.IF_CURR_DELTA:
            ours = [c.decay_exc, c.init_exc, s.exc, c.decay_inh, c.init_inh, s.inh]
            words = (np.stack(ours, axis=1) & 0xFFFFFFFF).astype(np.uint32)  # decay, init u0.32; value s16.15
            np.testing.assert_array_equal(words, file["syn_state0"].view(np.uint32))
        else:
            np.testing.assert_array_equal(np.stack([s.exc, s.inh], axis=1), file["syn_state0"])
        if "input_state0" in file:
            ours = np.stack([c.input_0, c.input_1], axis=1)[:, : file["input_state0"].shape[1]]
            np.testing.assert_array_equal(ours, file["input_state0"])


def parameters(model, n, rng):
    """Random parameter words, some of them wild enough to wrap."""

    def words(lo, hi):
        return (rng.uniform(lo, hi, n) * 32768).astype(np.int64)

    wild = rng.choice([1.0, 300.0])
    neuron = [
        words(-70, -50), words(-70, -60), words(0.05, 2), words(1, 40), words(-1, 3) * int(wild),
        words(-70, -45), words(0, 5), np.zeros(n, np.int64), np.full(n, 32768),
    ]  # fmt: skip
    inputs = {CoreModel.IF_CURR_EXP: [], CoreModel.IF_CURR_DELTA: [np.full(n, 32768)]}.get(
        model, [words(-5, 5), words(-80, -70)]
    )
    zero = np.zeros(n, np.int64)
    synapse = (
        [zero, zero]
        if model is CoreModel.IF_CURR_DELTA
        else [words(0.1, 9), zero, words(0.1, 9), zero, zero + 32768]
    )
    inputs = np.stack(inputs, axis=1) if inputs else np.zeros((n, 0), np.int64)
    return np.stack(neuron, axis=1), inputs, words(-52, -45), np.stack(synapse, axis=1)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CoreModel), st.integers(0, 2**32), st.integers(0, 18), st.integers(0, 18))
def test_kernel_equals_its_numpy_reference(model, seed, shift_exc, shift_inh):
    """All outputs, wrap counts included, for random parameters and cells, also where sums wrap."""
    rng = np.random.default_rng(seed)
    n = 7
    constants, state = derive(model, *parameters(model, n, rng))
    ring = rng.integers(0, 65536, (30, 2, n)).astype(np.uint16) * (rng.random((30, 2, n)) < 0.3).astype(
        np.uint16
    )
    results = [run(f, model, constants, state, ring, (shift_exc, shift_inh)) for f in (step, step_reference)]
    for name in results[0]:
        np.testing.assert_array_equal(results[0][name], results[1][name], err_msg=name)


def one_neuron(model, cell, shift, **words):
    """Causes of what wrapped when one cell arrives at one of three neurons with unit constants and V = -65."""
    n, one = 3, 32768
    neuron = {"v": -65 * one, "rest": -65 * one, "c": one, "tau": 20 * one, "offset": 0, "reset": -65 * one,
              "refractory": 0, "timer": 0, "dt": one, **words}  # fmt: skip
    inputs = {
        CoreModel.IF_CURR_EXP: [],
        CoreModel.IF_CURR_DELTA: [one],
        CoreModel.IF_COND_EXP: [0, -70 * one],
    }[model]
    synapse = [0, 0] if model is CoreModel.IF_CURR_DELTA else [5 * one, 0, 5 * one, 0, one]
    rows = [np.tile(np.array(list(x), np.int64), (n, 1)) for x in (neuron.values(), inputs, synapse)]
    constants, state = derive(model, rows[0], rows[1], np.full(n, -50 * one), rows[2])
    ring = np.zeros((1, 2, n), np.uint16)
    ring[0, 0, 1] = cell
    found = run(step, model, constants, state, ring, (shift, shift))["wraps"][0]
    assert found[0] == found[2] == 0
    return {cause for cause, bits in CAUSES.items() if found[1] & bits}


@pytest.mark.parametrize(
    ("model", "cell", "shift", "words", "causes"),
    [
        (CoreModel.IF_CURR_EXP, 65535, 15, {}, {"membrane"}),
        (CoreModel.IF_CURR_EXP, 100, 4, {}, set()),
        (CoreModel.IF_CURR_DELTA, 65535, 16, {"tau": 32768}, {"arrival"}),
        (CoreModel.IF_CURR_DELTA, 40000, 12, {}, {"membrane"}),  # 5000 nA times 20 MOhm
        (CoreModel.IF_COND_EXP, 65535, 15, {}, {"membrane"}),  # 58 uS times 65 mV times 20 MOhm
        (CoreModel.IF_COND_EXP, 65535, 15, {"v": -2000 * 32768}, {"input", "membrane"}),
        (CoreModel.IF_CURR_DELTA, 65535, 15, {"offset": 2**16, "tau": 32768, "rest": 0, "v": 0}, {"input"}),
    ],
)  # fmt: skip
def test_a_wrap_is_told_from_others_and_counted_where_it_happens(model, cell, shift, words, causes):
    assert one_neuron(model, cell, shift, **words) == causes


def test_synaptic_values_that_wrap():
    """Two arrivals in a row, each just under the range of s16.15, with a decay factor near one."""
    one = 32768
    neuron = np.array([[0, 0, one, one, 0, 0, 0, 0, one]])
    synapse = np.array([[30000 * one, 0, 30000 * one, 0, one]])
    constants, state = derive(CoreModel.IF_CURR_EXP, neuron, np.zeros((1, 0)), np.array([2**31 - 1]), synapse)
    ring = np.full((2, 2, 1), 65535, np.uint16)
    wraps = run(step, CoreModel.IF_CURR_EXP, constants, state, ring, (15, 15))["wraps"][:, 0]
    assert not wraps[0] & CAUSES["synapse"]
    assert wraps[1] & CAUSES["synapse"] == CAUSES["synapse"]
