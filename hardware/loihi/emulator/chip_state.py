"""What a chip carries from step to step; and the same as the state of a network, so that a run can go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.state import State
from neurosim.errors import DataError, ShapeError
from neurosim.hardware.loihi.emulator.chip import Chip
from neurosim.hardware.loihi.numerics.programs import PROGRAMS, STATE_ROWS

__all__ = ["ChipState", "chip_states_of", "program_rows", "state_of"]

Ints = NDArray[np.int64]

_ARRIVALS = ("sum", "second_sum")
_REST = "compartments of no population"
_LIMIT = 1 << 60


@dataclass(frozen=True, eq=False)
class ChipState:
    """What a chip carries from step to step; int64 arrays.

    Attributes:
        step: steps it has lived.
        neurons: [`STATE_ROWS`, N], the rows of each compartment's program.
        ring: [slots, width * N], arrivals in units of a weight; those of step t lie in slot t mod slots.
    """

    step: int
    neurons: Ints
    ring: Ints

    @staticmethod
    def of_zeros(chip: Chip, step: int = 0) -> ChipState:
        """All zeros, in arrays of their own."""
        n = chip.compartments
        return ChipState(
            step, np.zeros((STATE_ROWS, n), np.int64), np.zeros((chip.slots, chip.width * n), np.int64)
        )


def program_rows(chip: Chip, population: str) -> dict[str, int]:
    """Names of the rows of the state that all neurons of a population have."""
    members = chip.members[population]
    rows = {}
    for run in chip.programs:
        if ((members >= run.first) & (members < run.stop)).any():
            rows = {name: i for i, name in enumerate(PROGRAMS[run.program].state)}
    return rows


def state_of(chip: Chip, states: Sequence[ChipState], step: int) -> State:
    """The state of the samples.

    Variables of a population are the rows of its program, int64 [B, n] each (``u``, ``v`` and ``dead`` of a leaky
    integrate-and-fire one); arrivals ``sum``, int64 [B, D, n], in units of a weight: what arrives in each of the next D
    steps. Extras are the compartments that no population has.
    """
    variables: dict[str, dict[str, Ints]] = {name: {} for name in chip.members}
    arrivals: dict[str, dict[str, Ints]] = {name: {} for name in chip.members}
    extras: dict[str, dict[str, Ints]] = {}
    for group, key, view in _parts(chip, states, step):
        where = variables if key not in _ARRIVALS else arrivals
        (extras.setdefault(_REST, {}) if group is None else where[group])[key] = view
    return State(variables, arrivals, extras, step)


def chip_states_of(chip: Chip, state: State) -> list[ChipState]:
    """The chips of all samples of a state.

    Raises:
        ShapeError: the state is not one of this chip.
        DataError: it holds numbers that no run leaves.
    """
    fresh = [ChipState.of_zeros(chip, state.step) for _ in range(state.samples)]
    mine = dict(_leaves(state_of(chip, fresh, state.step)))
    theirs = dict(_leaves(state))
    if {k: (a.shape, a.dtype) for k, a in mine.items()} != {k: (a.shape, a.dtype) for k, a in theirs.items()}:
        raise ShapeError(
            "is not a state of this build",
            where="state",
            value=sorted(mine.keys() ^ theirs.keys())[:3] or "other shapes",
            remedy="Pass the final_state of a run of the same folder",
        )
    for values in theirs.values():
        if values.size and (values.min() < -_LIMIT or values.max() > _LIMIT):
            raise DataError("holds what no run leaves", where="state", limit="magnitude at most 2^60")
    order = _order(chip, state.step)
    for group, key, rows, compartments in _names(chip):
        held = (
            state.extras[_REST]
            if group is None
            else (state.arrivals if key in _ARRIVALS else state.variables)[group]
        )
        for b, one in enumerate(fresh):
            if key in _ARRIVALS:
                one.ring[order[:, None], chip.width * compartments + rows] = held[key][b]
            else:
                one.neurons[rows, compartments] = held[key][b]
    return fresh


def _order(chip: Chip, step: int) -> Ints:
    """Slots of the ring by the step that they stand for, the present one first."""
    return (step + np.arange(chip.slots)) & (chip.slots - 1)


def _names(chip: Chip) -> Iterator[tuple[str | None, str, int, Ints]]:
    """Population or None, name, row of the state or accumulator, compartments."""
    rest = np.setdiff1d(
        np.arange(chip.compartments), np.concatenate([np.zeros(0, np.int64), *chip.members.values()])
    )
    for name, compartments in chip.members.items():
        for key, row in program_rows(chip, name).items():
            yield name, key, row, compartments
        for k in range(chip.width):
            yield name, _ARRIVALS[k], k, compartments
    if len(rest):
        for row in range(STATE_ROWS):
            yield None, f"row_{row}", row, rest
        for k in range(chip.width):
            yield None, _ARRIVALS[k], k, rest


def _parts(chip: Chip, states: Sequence[ChipState], step: int) -> Iterator[tuple[str | None, str, Ints]]:
    order = _order(chip, step)
    for group, key, row, compartments in _names(chip):
        if key in _ARRIVALS:
            found = [s.ring[order[:, None], chip.width * compartments + row] for s in states]
            shape: tuple[int, ...] = (0, chip.slots, len(compartments))
        else:
            found = [s.neurons[row, compartments] for s in states]
            shape = (0, len(compartments))
        yield group, key, np.stack(found) if found else np.zeros(shape, np.int64)


def _leaves(state: State) -> Iterator[tuple[str, NDArray[Any]]]:
    trees = (("variables", state.variables), ("arrivals", state.arrivals), ("extras", state.extras))
    for part, tree in trees:
        yield from _walk(tree, part)


def _walk(tree: Any, path: str) -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(tree, Mapping):
        for name, inner in tree.items():
            yield from _walk(inner, f"{path}/{name}")
    else:
        yield path, np.asarray(tree)
