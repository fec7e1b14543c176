"""Two runs with one planted difference each: it must be found where it was planted, with its cause."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.analysis.cause import CauseKind
from neurosim.analysis.comparison import compare
from neurosim.engine.recording import DeviceEvent, PopulationRecording, Recording
from neurosim.errors import DataError, ShapeError
from neurosim.loss_report import Loss, LossKind
from neurosim.spikes import Spikes

DT, STEPS = 1e-3, 60


def spikes(cells: list[tuple[int, int, int]], shape: tuple[int, ...] = (2, 3), samples: int = 3) -> Spikes:
    sample, step, neuron = np.array(sorted(cells), int).reshape(-1, 3).T
    return Spikes(sample, step, neuron, shape=shape, dt=DT, steps=STEPS, samples=samples)


def recording(events: tuple[DeviceEvent, ...] = (), **populations: PopulationRecording | Spikes) -> Recording:
    parts = {
        n: p if isinstance(p, PopulationRecording) else PopulationRecording(p) for n, p in populations.items()
    }
    first = next(s for p in parts.values() if (s := p.spikes) is not None)
    return Recording(parts, dt=DT, steps=STEPS, samples=first.samples, events=events)


def membrane(noise: np.ndarray | float = 0.0) -> np.ndarray:
    v = np.sin(np.arange(STEPS) / 5)[:, None, None, None] * np.ones((1, 3, 2, 3))
    return v + (noise if np.ndim(noise) == 0 else np.asarray(noise)[:, None, None, None])


BASE = [(0, 10, 1), (1, 30, 4), (2, 50, 5)]


def part(cells: list[tuple[int, int, int]], noise: np.ndarray | float = 0.0) -> PopulationRecording:
    return PopulationRecording(spikes(cells), {"v": membrane(noise)})


def test_equal_runs_agree() -> None:
    found = compare(recording(hidden=part(BASE)), recording(hidden=part(BASE)))
    assert found.first is None
    assert found.rate == 0
    assert "agree" in str(found)
    assert found.to_json()["agree"] is True


def test_two_silent_runs_agree_but_that_says_little() -> None:
    found = compare(recording(hidden=part([])), recording(hidden=part([])))
    assert found.to_json()["agree"] is True
    assert "nothing spiked" in str(found)


def test_first_population_then_earliest_step_then_sample_and_neuron() -> None:
    a = recording(hidden=spikes(BASE), output=spikes(BASE))
    b = recording(hidden=spikes([(0, 40, 1), (1, 30, 4), (2, 10, 5), (2, 50, 5)]), output=spikes([(0, 2, 0)]))
    found = compare(a, b)
    first = found.first
    assert first is not None
    assert (first.population, first.step, first.sample, first.neuron, first.counts) == (
        "hidden",
        10,
        0,
        1,
        (1, 0),
    )
    hidden, output = found.populations
    assert (hidden.cells, hidden.differing, hidden.samples_differing, hidden.spikes) == (5, 3, 2, (3, 4))
    assert output.first_step == 2
    assert output.rate == 1
    assert "population 'hidden' at step 10 (10 ms) of sample 0: neuron 1" in str(found)
    reordered = compare(a, b, order=["output", "hidden"]).first
    assert reordered is not None
    assert reordered.population == "output"


def test_counts_in_one_cell_are_compared() -> None:
    frame = {"shape": 1, "dt": DT, "steps": STEPS}
    found = compare(
        recording(h=Spikes([0], [3], [0], [2], **frame)), recording(h=Spikes([0], [3], [0], **frame))
    )
    assert found.first is not None
    assert found.first.counts == (2, 1)


@given(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 59), st.integers(0, 5))), st.data())
@settings(max_examples=50, deadline=None)
def test_mismatches_are_the_symmetric_difference(cells: set, data: st.DataObject) -> None:
    other = data.draw(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 59), st.integers(0, 5))))
    found = compare(recording(h=spikes(list(cells))), recording(h=spikes(list(other))))
    (row,) = found.populations
    assert row.differing == len(cells ^ other)
    assert row.cells == len(cells | other)
    if cells ^ other:
        first = found.first
        assert first is not None
        expected = min((k, b, n) for b, k, n in cells ^ other)
        assert (first.step, first.sample, first.neuron) == expected


MOVED = [(0, 12, 1), *BASE[1:]]
INTO = "projection 'in->hidden'"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("saturation", CauseKind.SATURATION),
        ("wrap", CauseKind.WRAP),
        ("late", CauseKind.DROPPED_SPIKE),
    ],
)
def test_device_events_at_the_neuron_come_first(kind: str, expected: CauseKind) -> None:
    events = (
        DeviceEvent(kind, "hidden", 0, 9, 1),
        DeviceEvent("wrap", "hidden", 0, 20, 1),  # later than the divergence
        DeviceEvent("wrap", "hidden", 2, 3, 1),  # another sample
    )
    lost = [Loss(kind=LossKind.CLIPPED, where=INTO, what="delays above 15 steps")]
    first = compare(recording(hidden=part(BASE)), recording(events, hidden=part(MOVED)), losses=lost).first
    assert first is not None
    assert first.cause.kind is expected
    assert "this neuron in step 9" in first.cause.evidence


def test_events_elsewhere_count_only_where_their_effect_was_not_seen() -> None:
    events = (DeviceEvent("saturation", "hidden", 0, 4, 3), DeviceEvent("saturation", "output", 0, 4, 2))
    seen = compare(
        recording(hidden=spikes(BASE), output=part(BASE)),
        recording(events, hidden=spikes(BASE), output=part(MOVED)),
    ).first
    assert seen is not None
    assert (
        seen.cause.kind is CauseKind.UNKNOWN
    )  # both populations agree until then: these events changed no spike
    unseen = compare(recording(output=part(BASE)), recording(events, output=part(MOVED))).first
    assert unseen is not None
    assert unseen.cause.kind is CauseKind.SATURATION
    assert "neuron 3 of population 'hidden'" in unseen.cause.evidence


DRIFT = np.linspace(0, 0.02, STEPS)
JUMP = np.where(np.arange(STEPS) >= 6, 0.5, 0.0)
ROUNDED = Loss(kind=LossKind.ROUNDED, where=INTO, what="weights rounded to 8 bits", amount=0.004)
DELAYS = Loss(kind=LossKind.CLIPPED, where=INTO, what="3 delays clipped to 15 steps", amount=3)
CELLS = Loss(kind=LossKind.APPROXIMATED, where=INTO, what="cells", amount=0.2)
ELSEWHERE = Loss(kind=LossKind.CLIPPED, where="projection 'hidden->output'", what="delays clipped")


@pytest.mark.parametrize(
    ("noise", "losses", "expected"),
    [
        (DRIFT, (), CauseKind.QUANTISATION),
        (DRIFT, (ROUNDED, ELSEWHERE), CauseKind.QUANTISATION),
        (DRIFT, (ROUNDED, CELLS), CauseKind.APPROXIMATION),
        (JUMP, (), CauseKind.ARRIVAL),
        (0.5 * JUMP, (ROUNDED,), CauseKind.ARRIVAL),
        (0.5 * JUMP, (ROUNDED, CELLS), CauseKind.APPROXIMATION),
        (4 * JUMP, (ROUNDED, CELLS), CauseKind.ARRIVAL),
        (JUMP, (ROUNDED, DELAYS), CauseKind.DELAY_CLIP),
        (JUMP, (Loss(kind=LossKind.CLIPPED, where=INTO, what="weights clipped"),), CauseKind.WEIGHT_CLIP),
        (
            JUMP,
            (Loss(kind=LossKind.DROPPED, where="population 'hidden'", what="x"),),
            CauseKind.DROPPED_SPIKE,
        ),
        (0.0, (), CauseKind.UNKNOWN),
        (0.0, (Loss(kind=LossKind.ROUNDED, where=INTO, what="delays rounded to steps"),), CauseKind.ROUNDING),
        (0.0, (ELSEWHERE,), CauseKind.UNKNOWN),
        (0.0, (Loss(kind=LossKind.STARTUP, where="population 'hidden'", what="x"),), CauseKind.STARTUP),
    ],
)
def test_the_membrane_potential_tells_drift_from_jump(noise, losses, expected) -> None:
    first = compare(recording(hidden=part(BASE)), recording(hidden=part(MOVED, noise)), losses=losses).first
    assert first is not None
    assert first.cause.kind is expected, first.cause
    trace = first.cause.trace
    assert trace is not None
    assert trace.steps.tolist() == list(range(10))
    assert trace.deviation == pytest.approx(np.max(np.abs(np.broadcast_to(noise, STEPS)[:10])))


def test_without_a_recorded_potential_losses_decide() -> None:
    a, b = recording(hidden=spikes(BASE)), recording(hidden=spikes(MOVED))
    found = compare(a, b)
    assert found.first is not None
    assert found.first.cause.kind is CauseKind.UNKNOWN
    assert "record the membrane potential" in found.first.cause.evidence
    first = compare(a, b, losses=[ROUNDED, DELAYS]).first
    assert first is not None
    assert first.cause.kind is CauseKind.DELAY_CLIP


def test_traces_of_chosen_neurons_every_few_steps() -> None:
    def sparse(cells, noise, neurons):
        v = membrane(noise).reshape(STEPS, 3, 6)[::4, :, list(neurons)]
        return recording(hidden=PopulationRecording(spikes(cells), {"v": v}, 4, neurons))

    first = compare(sparse(BASE, 0.0, (5, 1)), sparse(MOVED, DRIFT, (5, 1))).first
    assert first is not None
    assert first.cause.trace is not None
    assert first.cause.trace.steps.tolist() == [0, 4, 8]
    assert first.cause.trace.b - first.cause.trace.a == pytest.approx(DRIFT[[0, 4, 8]])
    assert first.cause.kind is CauseKind.QUANTISATION
    other = compare(sparse(BASE, 0.0, (5, 2)), sparse(MOVED, DRIFT, (5, 2))).first
    assert other is not None
    assert other.cause.trace is None


def test_verdict_is_plain_json() -> None:
    found = compare(recording(hidden=part(BASE)), recording(hidden=part(MOVED, DRIFT)), losses=[ROUNDED])
    read = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert read["first"]["cause"]["kind"] == "quantisation"
    assert read["populations"][0]["state"]["v"] == pytest.approx(0.02)
    assert len(read["first"]["cause"]["trace"]["a"]) == 10


def test_runs_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ShapeError, match="population 'h'"):
        compare(recording(h=spikes(BASE)), recording(h=spikes(BASE, shape=(6,))))
    with pytest.raises(DataError, match="no population in common"):
        compare(recording(a=spikes(BASE)), recording(b=spikes(BASE)))
    with pytest.raises(DataError, match="not recorded in both"):
        compare(recording(a=spikes(BASE)), recording(a=spikes(BASE)), order=["a", "b"])
