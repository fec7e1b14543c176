"""What calibration chose for each population, and what it gained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurosim.hardware.loihi.quantise.choice import Choice

__all__ = ["CalibrationResult", "PopulationCalibration"]


@dataclass(frozen=True, kw_only=True)
class PopulationCalibration:
    """A population on the calibration inputs. A mismatch is `spike_distance` to the float engine over its number of
    spikes; of a readout, the rms error of its potentials over their rms.

    Attributes:
        spikes: in the engine, all samples; None for a readout.
        choice: how it was rounded.
        adjusted: synapses whose weight is not the nearest one, because together they serve better.
        tried: roundings that were emulated.
        given_before, given_after: mismatch of the nearest rounding and of the one that was chosen, where the population
            got the spikes of the engine: what its own rounding does.
        alone_before, alone_after: mismatch in the whole network on its own: with what earlier populations, and its own
            recurrence, add.
    """

    spikes: int | None
    choice: Choice
    adjusted: int = 0
    tried: int = 0
    given_before: float = 0.0
    given_after: float = 0.0
    alone_before: float = 0.0
    alone_after: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CalibrationResult:
    """What calibration did, by population in the order of the plan.

    Attributes:
        samples, steps: of the inputs, machine steps.
        kept: whether the roundings that were chosen also serve the whole network on its own; if not, it has the
            nearest ones.
    """

    samples: int
    steps: int
    populations: Mapping[str, PopulationCalibration]
    kept: bool = True

    def lines(self) -> tuple[str, ...]:
        """The same for people."""
        if not self.populations:
            return ()
        head = (
            f"calibration on {self.samples} samples of {self.steps} steps; mismatch of spike trains (potentials of "
            "readouts), nearest rounding -> chosen:"
        )
        rows = [head]
        for name, p in self.populations.items():
            if p.spikes == 0:
                rows.append(f"  {name}: no spikes in the float engine, nothing to go by")
                continue
            adjusted = f", {p.adjusted} weights adjusted" if p.adjusted else ""
            rows.append(
                f"  {name}: {p.given_before:.2%} -> {p.given_after:.2%} by its own rounding, {p.alone_before:.2%} -> "
                f"{p.alone_after:.2%} in the network ({p.choice}{adjusted}; {p.tried} tried)"
            )
        if not self.kept:
            rows.append("  the network as a whole did better with the nearest rounding, which it has")
        return tuple(rows)
