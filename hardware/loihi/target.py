"""The targets `Loihi1` and `Loihi2`: profiles and options."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import ClassVar

from neurosim.engine.plan import Plan
from neurosim.errors import DescriptionError
from neurosim.hardware.loihi.chip import ChipDescription
from neurosim.hardware.loihi.chip_file import read_chip, read_chip_file
from neurosim.hardware.loihi.numerics.profiles import PROFILES, Numerics
from neurosim.hardware.loihi.numerics.weights import WEIGHT_WIDTHS
from neurosim.hardware.loihi.signs import Signs
from neurosim.hardware.loihi.support import LOIHI1_SUPPORT, LOIHI2_SUPPORT
from neurosim.hardware.target import Build, Feature, Support, Transport
from neurosim.parameters import Parameters
from neurosim.spikes import Spikes

__all__ = ["Loihi1", "Loihi2", "LoihiTarget"]


class LoihiTarget(Parameters):
    """What both chips share. A subclass names its limits, features and arithmetic."""

    CHIP: ClassVar[str]
    SUPPORT: ClassVar[Mapping[Feature, Support]]

    signs: Signs = Signs.SPLIT
    weight_bits: int = 8
    chip_file: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.signs, str):
            with contextlib.suppress(ValueError):  # refused below, with the options
                object.__setattr__(self, "signs", Signs(self.signs))
        super().__post_init__()
        widths = WEIGHT_WIDTHS[2 if self.signs is Signs.MIXED else 1 :]
        if isinstance(self.weight_bits, bool) or self.weight_bits not in widths:
            raise DescriptionError(
                "is no width of a weight",
                where=f"{type(self).__name__}.weight_bits",
                value=self.weight_bits,
                limit=widths,
            )
        if self.chip.base not in (None, self.CHIP):
            raise DescriptionError(
                "is based on another chip",
                where=f"{type(self).__name__}.chip_file, {self.chip_file}",
                value=self.chip.base,
                limit=self.CHIP,
            )

    @property
    def name(self) -> str:
        """``"loihi1"`` or ``"loihi2"``."""
        return self.CHIP

    @property
    def chip(self) -> ChipDescription:
        """The chip of this name, or the one of ``chip_file``."""
        return read_chip(self.CHIP) if self.chip_file is None else read_chip_file(self.chip_file)

    @property
    def limits(self) -> Mapping[str, int]:
        """Limits of a core and of the chip."""
        return self.chip.limits

    @property
    def numerics(self) -> Numerics:
        """The arithmetic that the chip is emulated in."""
        return PROFILES[self.chip.numerics]

    @property
    def support(self) -> Mapping[Feature, Support]:
        """How the features of a description are taken."""
        return self.SUPPORT

    @property
    def transport(self) -> Transport:
        """A spike takes one step, and up to 62 more in a synaptic delay."""
        return Transport(1, 1 + self.limits["delay_maximum"])

    def map(
        self, plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes] | None = None
    ) -> Build:
        """See `neurosim.hardware.loihi.compile.map_plan.map_plan`."""
        from neurosim.hardware.loihi.compile.map_plan import map_plan

        return map_plan(plan, lag, self, calibration)


class Loihi1(LoihiTarget):
    """Intel's first Loihi, in the arithmetic of nengo-loihi's emulator: 22-bit accumulators, refractory counters.

    Attributes:
        signs: how projections with weights of both signs are stored.
        weight_bits: of a stored weight, 1 (2 with `Signs.MIXED`) to 6 or 8; fewer take less synapse memory.
        chip_file: a TOML file that describes another chip, alone or by what differs from this one; see
            `neurosim.hardware.loihi.chip_file`.
    """

    CHIP: ClassVar[str] = "loihi1"
    SUPPORT: ClassVar[Mapping[Feature, Support]] = LOIHI1_SUPPORT

    signs: Signs = Signs.SPLIT


class Loihi2(LoihiTarget):
    """Intel's Loihi 2 with leaky integrate-and-fire neurons, in the arithmetic of Lava's bit-accurate models.

    Layers one after the other (dense, recurrent, convolutions) also come out as ``network.net``, which lava-dl's netx
    loads; see
    `neurosim.hardware.loihi.netx.from_network` for what such a file can hold.

    Attributes:
        signs: how projections with weights of both signs are stored; a netx file needs `Signs.MIXED`.
        weight_bits: of a stored weight, 1 (2 with `Signs.MIXED`) to 6 or 8; fewer take less synapse memory.
        chip_file: a TOML file that describes another chip, alone or by what differs from this one; see
            `neurosim.hardware.loihi.chip_file`.
    """

    CHIP: ClassVar[str] = "loihi2"
    SUPPORT: ClassVar[Mapping[Feature, Support]] = LOIHI2_SUPPORT

    signs: Signs = Signs.MIXED
