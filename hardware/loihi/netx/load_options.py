"""What lava-dl's loader is given besides a file, and what it makes of the neurons of a layer with it."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.errors import DescriptionError
from neurosim.hardware.loihi.netx.layers import NeuronKind, Neurons
from neurosim.hardware.loihi.numerics.programs import Program

__all__ = ["LoadOptions", "neuron_options", "program_of"]

_PROGRAMS = {
    NeuronKind.LIF: Program.LIF,
    NeuronKind.SIGMA_DELTA: Program.SIGMA_DELTA,
    NeuronKind.DELTA: Program.DELTA,
    NeuronKind.RF: Program.RESONATE_AND_FIRE,
    NeuronKind.RF_IZ: Program.RESONATE_AND_FIRE_IZHIKEVICH,
}
_STATE_EXPONENT = 6
"""Of everything that the loader makes but LIF neurons."""


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What the loader's ``Network`` is given besides the file.

    Attributes:
        reset_interval: LIF neurons start anew every that many steps; None for never.
        reset_offset: phase of the resets; layer k has one of ``reset_offset + 1 + k``.
        spike_exp: binary places of the messages of Delta and SigmaDelta neurons.
        input_message_bits: 0 if the input is spikes, else messages of that many bits.
    """

    reset_interval: int | None = None
    reset_offset: int = 0
    spike_exp: int = 6
    input_message_bits: int = 0

    def __post_init__(self) -> None:
        if self.reset_interval is not None and self.reset_interval < 1:
            raise DescriptionError("must be at least 1", where="reset_interval", value=self.reset_interval)
        if self.reset_offset < 0 and self.reset_interval is not None:
            raise DescriptionError("must not be negative", where="reset_offset", value=self.reset_offset)
        if not 0 <= self.spike_exp <= 16:
            raise DescriptionError(
                "is out of range", where="spike_exp", value=self.spike_exp, limit="0 to 16"
            )


def program_of(neurons: Neurons) -> Program | None:
    """The core program that equals these neurons; None of Sigma, which sends its whole state in every step."""
    return _PROGRAMS.get(neurons.kind)


def neuron_options(neurons: Neurons, options: LoadOptions, number: int) -> dict[str, int]:
    """Options of the program of layer ``number``, counting layers with neurons."""
    if neurons.kind is NeuronKind.LIF:
        if options.reset_interval is None:
            return {}
        interval = options.reset_interval
        return {"reset_interval": interval, "reset_offset": (options.reset_offset + 1 + number) % interval}
    if neurons.kind in (NeuronKind.RF, NeuronKind.RF_IZ):
        return {"sin": neurons.sin, "cos": neurons.cos, "state_exp": _STATE_EXPONENT, "decay_bits": 12}
    return {"spike_exp": options.spike_exp, "state_exp": _STATE_EXPONENT}
