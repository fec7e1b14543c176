"""The scale between potentials and registers, chosen for each population.

It makes the largest weight use its 8 bits, fits threshold, bias and initial potential into their registers, and keeps
sums from wrapping even when all synapses of a neuron are active in the same step, as far as these can be had
together.
Among the scales that remain, the one with the least rounding error of the weights is taken, so that weights in simple
ratios are held exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanProjection
from neurosim.hardware.loihi.numerics.arithmetic import BIAS_EXPONENT_MAX, BIAS_MANTISSA_MAX, STATE_MAX
from neurosim.hardware.loihi.numerics.weights import SignMode, weight_range, weight_step
from neurosim.hardware.loihi.quantise.required_registers import Demand
from neurosim.hardware.loihi.quantise.stored_weights import LSB, WeightForm, quantise_synapses
from neurosim.hardware.loihi.signs import Signs

__all__ = ["COMFORTABLE_THRESHOLD", "candidate_scales", "choose_scale", "scales_and_errors", "worst_case_sum"]

Floats = NDArray[np.float64]

COMFORTABLE_THRESHOLD = 1 << 20
"""Largest scaled threshold that is sought: leaves eight times as much room below rest before v saturates."""
FINE_THRESHOLD = 1 << 14
"""Scaled threshold that is sought even where sums could then wrap: thresholds come in steps of 64, or 0.4 % of this."""
WITHOUT_LEAK = 1 << 17
"""The same without a leak, where inhibition adds up and a fine threshold gains nothing."""

_TRIED = 60
_SAMPLED_WEIGHTS = 4096
"""Distinct weights of a projection that are looked at when scales are compared."""


def choose_scale(
    incoming: Sequence[PlanProjection],
    acting: Mapping[str, Floats],
    demand: Demand,
    limits: Mapping[str, int],
    form: WeightForm,
) -> float:
    """The scale of a population.

    Args:
        incoming, acting: the projections that end at it, and by name what their synapses do to the potential.
        form: of the stored weights. The weight at its percentile uses all bits; larger ones get a larger exponent. With
            its exponent None, the largest that is safe is chosen.
    """
    candidates, errors = scales_and_errors(incoming, acting, demand, limits, form)
    # float32 weights carry an error of 1e-7 themselves; below that the larger scale is the better one
    return float(candidates[int(np.argmax(errors <= errors.min() * (1 + 1e-9) + 1e-14))])


def scales_and_errors(
    incoming: Sequence[PlanProjection],
    acting: Mapping[str, Floats],
    demand: Demand,
    limits: Mapping[str, int],
    form: WeightForm,
) -> tuple[Floats, Floats]:
    """Scales to choose from, the largest first, and the mean square error of the weights relative to theirs."""
    worst = worst_case_sum(incoming, acting, len(demand.keep_v))
    candidates = candidate_scales([*acting.values()], worst, demand, limits, form)
    errors = np.zeros(len(candidates))
    if len(candidates) == 1:
        return candidates, errors
    samples = [np.unique(w) for w in acting.values()]
    samples = [w[:: 1 + len(w) // _SAMPLED_WEIGHTS] for w in samples if w.size]
    power = np.array([float(np.sum(w**2)) for w in samples])
    for i, scale in enumerate(candidates.tolist()):
        rounded = [quantise_synapses(w, scale, form).error for w in samples]
        errors[i] = float(np.sum(np.array(rounded) ** 2 * power) / power.sum())
    return candidates, errors


def candidate_scales(
    acting: Sequence[Floats],
    worst: Floats,
    demand: Demand,
    limits: Mapping[str, int],
    form: WeightForm,
) -> Floats:
    """Scales to choose from, the largest first: with it the largest weight has the full width.

    Args:
        acting: what the synapses of each projection do to the potential.
        worst: see `worst_case_sum`.
    """
    must, comfortable, should = _bounds(worst, demand, limits)
    largest = max((float(np.abs(w).max(initial=0.0)) for w in acting), default=0.0)
    if not largest:
        return np.array([min(must, should, float(COMFORTABLE_THRESHOLD))])
    mixed = form.signs is Signs.MIXED and any(w.size and w.min() < 0 < w.max() for w in acting)
    mode = SignMode.MIXED if mixed else SignMode.EXCITATORY
    step = weight_step(mode, form.bits)
    top = weight_range(mode)[1] // step * step
    exponents = range(form.exponent_maximum, -1, -1) if form.exponent is None else [form.exponent]
    must = min(must, top * LSB * 2.0 ** max(exponents) / largest)
    reference = largest
    if form.percentile != 100.0:
        sizes = np.concatenate([np.abs(w[w != 0]) for w in acting])
        reference = float(np.percentile(sizes, form.percentile, method="lower"))
    safe = min(must, should) * (1 + 1e-12)
    fits = [e for e in exponents if top * LSB * 2.0**e / reference <= safe]
    unit = LSB * 2.0 ** (fits[0] if fits else min(exponents))
    if form.percentile != 100.0:  # tried on inputs, which tell whether sums wrap
        unit = (
            min(LSB * 2.0 ** min(exponents), reference * min(must, comfortable) / top) if not fits else unit
        )
    # exact ratios are to be found at one exponent; beyond, some scales will do
    stride = step if form.percentile == 100.0 else step * max(1, top // step // _TRIED)
    candidates = np.asarray(np.arange(top, top // 2, -stride) * unit / reference, np.float64)
    candidates = candidates[candidates <= must * (1 + 1e-12)]
    return candidates if candidates.size else np.array([must])


def _bounds(worst: Floats, demand: Demand, limits: Mapping[str, int]) -> tuple[float, float, float]:
    """The scale that registers allow; that leaves potentials room; and up to which nothing overflows whatever comes."""
    must, comfortable, should = [np.inf], [np.inf], [np.inf]
    if demand.threshold is not None:
        must.append((limits["threshold_mantissa_maximum"] * LSB + LSB) / float(demand.threshold.max()))
        sought = WITHOUT_LEAK if np.any(demand.keep_v == 1.0) else COMFORTABLE_THRESHOLD
        comfortable.append(sought / float(demand.threshold.max()))
    if np.any(demand.drive):
        must.append((BIAS_MANTISSA_MAX << BIAS_EXPONENT_MAX) / float(np.abs(demand.drive).max()))
    start = np.maximum(np.abs(demand.initial), np.abs(demand.initial_current * demand.gain))
    if np.any(start):
        must.append(STATE_MAX / float(start.max()))
    if np.any(worst):
        half = (1 << (limits["accumulator_bits"] - 1)) - 1 if limits["accumulator_bits"] else STATE_MAX
        current = worst / np.maximum(1.0 - demand.keep_u, 1e-3)
        should += [half / float(worst.max()), STATE_MAX / float(current.max())]
        if demand.threshold is None:  # a readout saturates at 2^21, below the largest threshold
            steady = (current + np.abs(demand.drive)) / np.maximum(1.0 - demand.keep_v, 1e-3)
            comfortable.append((STATE_MAX >> 2) / float(steady.max()))
    fine = FINE_THRESHOLD / float(demand.threshold.min()) if demand.threshold is not None else 0.0
    return min(must), min(comfortable), max(min(*comfortable, *should), fine)


def worst_case_sum(incoming: Sequence[PlanProjection], acting: Mapping[str, Floats], n: int) -> Floats:
    """Largest magnitude of what a neuron can receive in one step, every synapse delivering at once; float64 [n]."""
    up, down = np.zeros(n), np.zeros(n)
    for p in incoming:
        w = acting[p.name]
        up += np.bincount(p.target, np.maximum(w, 0.0), n)
        down += np.bincount(p.target, np.maximum(-w, 0.0), n)
    return np.maximum(up, down)
