"""What a crossbar build says about itself: conductances, weight errors, converters, the map of tiles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.crossbar.cells import read_conductances
from neurosim.hardware.crossbar.converters import largest_code
from neurosim.hardware.crossbar.emulator import Machine
from neurosim.hardware.crossbar.mapping import Block
from neurosim.hardware.target import Site
from neurosim.loss_report import Loss, LossKind, LossReport

__all__ = ["conductance_report", "losses_of", "sites_of", "weight_error"]

Float = NDArray[np.float64]


def weight_error(machine: Machine, block: Block, *, seed: int) -> tuple[Float, Float]:
    """Weights of a block as mapped and as the device ``seed`` reads them on average, of its programmed pairs."""
    g, _ = read_conductances(block, machine.shape, machine.profile, seed=seed)
    pairs = block.programmed[:, 0::2]
    wanted = block.weights()
    held = (g[:, 0::2] - g[:, 1::2]) / block.scale
    return wanted[pairs], held[pairs]


def losses_of(machine: Machine, *, seed: int) -> LossReport:
    """One loss a projection for the cells of the device ``seed``, one for the converters."""
    losses = []
    for name, blocks in _by_projection(machine).items():
        both = [weight_error(machine, b, seed=seed) for b in blocks]
        wanted, held = (np.concatenate(parts) for parts in zip(*both, strict=True))
        relative = _rms(held - wanted) / (_rms(wanted) or 1.0)
        if relative > 1e-6:
            what = f"cells of {machine.profile.name}: rms weight error of one device relative to rms weight"
            losses.append(
                Loss(kind=LossKind.APPROXIMATED, where=f"projection {name!r}", what=what, amount=relative)
            )
        steps = np.concatenate([b.full_scale / largest_code(machine.adc_bits) for b in blocks])
        gain = np.mean([1.0 / (b.scale.mean() * machine.profile.read_voltage) for b in blocks])
        what = f"partial sums digitised with {machine.adc_bits} bits, mean step in units of weight"
        amount = float(steps.mean() * gain)
        losses.append(Loss(kind=LossKind.ROUNDED, where=f"projection {name!r}", what=what, amount=amount))
    return LossReport(losses)


def conductance_report(machine: Machine, *, seed: int) -> str:
    """Per projection: tiles, how full, conductances, weight error and correlation, ADC range."""
    lines = [
        f"Cells: {machine.profile.name} ({machine.profile.description}), "
        f"{machine.profile.g_min * 1e6:g} to {machine.profile.g_max * 1e6:g} uS; "
        f"tiles of {machine.shape.rows} x {machine.shape.columns}; {machine.adc_bits}-bit ADC; "
        f"errors are those of device {seed}.",
        f"  {'projection':<24} {'tiles':>6} {'used %':>7} {'mean uS':>8} {'rms err %':>10} {'corr':>7} {'ADC uA':>8}",
    ]
    for name, blocks in _by_projection(machine).items():
        tiles = sum(len(b.full_scale) for b in blocks)
        used = sum(int(b.programmed.sum()) for b in blocks) / (
            tiles * machine.shape.rows * machine.shape.columns
        )
        mean = float(np.concatenate([b.target[b.programmed] for b in blocks]).mean()) * 1e6
        both = [weight_error(machine, b, seed=seed) for b in blocks]
        wanted, held = (np.concatenate(parts) for parts in zip(*both, strict=True))
        largest = float(np.abs(wanted).max()) or 1.0
        varied = wanted.std() > 0 and held.std() > 0
        correlation = float(np.corrcoef(wanted, held)[0, 1]) if varied else math.nan
        shown = "-" if math.isnan(correlation) else f"{correlation:.4f}"
        scale = float(np.concatenate([b.full_scale for b in blocks]).mean()) * 1e6
        error = 100 * _rms(held - wanted) / largest
        lines.append(
            f"  {name:<24} {tiles:>6} {100 * used:>7.1f} {mean:>8.2f} {error:>10.2f} {shown:>7} {scale:>8.3g}"
        )
    lines.append(
        "  rms err: weights of the device against the network's, relative to the largest weight of the projection"
    )
    return "\n".join(lines)


def sites_of(machine: Machine) -> tuple[Site, ...]:
    """The tiles on a square map, in the order of their numbers."""
    side = max(1, math.ceil(math.sqrt(machine.tiles)))
    cells = machine.shape.rows * machine.shape.columns
    sites = []
    for block in machine.blocks:
        for tile, lines in block.tiles(machine.shape):
            load = float(block.programmed[lines].sum()) / cells
            sites.append(Site("tile", tile % side, tile // side, block.projection, load))
    return tuple(sites)


def _by_projection(machine: Machine) -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block in machine.blocks:
        found.setdefault(block.projection, []).append(block)
    return found


def _rms(x: Float) -> float:
    return float(np.sqrt(np.mean(np.square(x)))) if x.size else 0.0
