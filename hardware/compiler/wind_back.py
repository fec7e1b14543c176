"""An earlier initial state, from which a population comes to the one it was described with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neurosim.engine.plan import PlanPopulation

__all__ = ["rests", "wound_back"]

_SAME = 1e-9
"""Relative difference to the described state that is left to rounding."""


def rests(population: PlanPopulation, dt: float) -> bool:
    """Whether the initial state is a fixed point without input: then extra steps before the start change nothing."""
    columns, _ = _distinct(population, dt)
    for column in columns:
        *after, spike = _step(population, column)
        if spike or not np.allclose(after, column[: len(after)], rtol=1e-12, atol=1e-12):
            return False
    return True


def wound_back(population: PlanPopulation, steps: int, dt: float) -> PlanPopulation | None:
    """The population with the initial state that it had ``steps`` steps before, without input.

    As long as there is no spike, a step takes the variables x that a model has an initial value for (``v_init``,
    ``i_init``) to A x + c. That is undone by solving for x; then the steps are taken again, as a proof.

    Returns:
        None where there is none: the model has no such variable, forgets within a step, is not linear, spikes on the
        way, or starts with another variable away from rest.
    """
    names = population.model.STATE
    free = [i for i, name in enumerate(names) if hasattr(population.model, f"{name}_init")]
    columns, which = _distinct(population, dt)
    earlier = np.empty((len(columns), len(free)))
    for row, column in zip(earlier, columns, strict=True):
        here = np.array(_step(population, column))[free]
        a = np.empty((len(free), len(free)))
        for k, i in enumerate(free):
            lower = column.copy()
            lower[i] -= 1.0  # away from the threshold
            a[:, k] = here - np.array(_step(population, lower))[free]
        if not free or np.linalg.matrix_rank(a) < len(free):
            return None
        x = column[free]
        c = here - a @ x
        for _ in range(steps):
            x = np.linalg.solve(a, x - c)
        row[:] = x
        again = column.copy()
        again[free] = x
        largest = np.maximum(np.abs(x).max(), np.abs(column[free]).max())
        for _ in range(steps):
            *after, spike = _step(population, again)
            if spike:
                return None
            again[: len(names)] = after
        if not np.allclose(again[: len(names)], column[: len(names)], rtol=_SAME, atol=_SAME * largest):
            return None
    values: dict[str, Any] = {}
    for k, i in enumerate(free):
        values[f"{names[i]}_init"] = float(earlier[0, k])
        if len(columns) > 1:
            spread = np.broadcast_to(earlier[which, k], population.size)
            values[f"{names[i]}_init"] = spread.reshape(population.shape)
    return replace(population, model=population.model.replace(**values))


def _distinct(population: PlanPopulation, dt: float) -> tuple[Any, Any]:
    """State and coefficients, float64 [k, state + coefficients], neurons with equal numbers once; and the row of each
    neuron, int64 [1 or size]."""
    model = population.model
    values = [*model.initial(dt).values(), *model.coefficients(dt).values()]
    flat = np.broadcast_arrays(*(np.asarray(v, np.float64).reshape(-1) for v in values))
    columns, which = np.unique(np.stack(flat), axis=1, return_inverse=True)
    return columns.T, which.reshape(-1)


def _step(population: PlanPopulation, column: Any) -> tuple[Any, ...]:
    """State after a step without input, and whether there was a spike."""
    model = population.model
    n = len(model.STATE)
    options = [getattr(model, name) for name in model.OPTIONS]
    return model.step(*column[:n].tolist(), *[0.0] * len(model.RECEPTORS), *column[n:].tolist(), *options)
