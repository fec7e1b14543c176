"""ADC ranges from typical inputs: the currents that really flow, not the ones that could."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from neurosim.hardware.crossbar.converters import best_range
from neurosim.hardware.crossbar.emulator import Histogram, Machine, draw_cells, run_machine
from neurosim.hardware.crossbar.mapping import Block
from neurosim.spikes import Spikes

__all__ = ["calibrated"]

BINS = 2048
HEADROOM = 4.0
"""The histogram reaches this many times the current of one spike on every word line; counts may go beyond one."""
FINE_BITS = 24
MARGIN = 1.1
"""Ranges are widened by this: calibration shows a part of what will come."""


def calibrated(machine: Machine, inputs: Mapping[str, Spikes], steps: int, *, seed: int) -> tuple[Block, ...]:
    """The blocks with the full scale of each ADC that loses least to rounding and clipping on ``inputs``.

    The currents are those of the device ``seed``, noise included, read with a fine converter. A tile that stayed silent
    keeps its range.
    """
    wide = [replace(b, full_scale=b.full_scale * HEADROOM) for b in machine.blocks]
    fine = replace(machine, blocks=tuple(wide), adc_bits=FINE_BITS)
    width = [np.where(b.full_scale > 0, b.full_scale, 1.0) / BINS for b in wide]
    histogram = Histogram(width, [np.zeros((len(w), BINS), np.int64) for w in width])
    run_machine(fine, draw_cells(fine, seed), inputs, steps, {}, seed=seed, histogram=histogram)
    blocks = []
    for block, bin_width, counts in zip(machine.blocks, width, histogram.count, strict=True):
        centre = (np.arange(BINS) + 0.5)[None, :] * bin_width[:, None]
        found = np.array([best_range(x, n, machine.adc_bits) for x, n in zip(centre, counts, strict=True)])
        blocks.append(replace(block, full_scale=np.where(found > 0, MARGIN * found, block.full_scale)))
    return tuple(blocks)
