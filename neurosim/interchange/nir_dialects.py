"""What a NIR file leaves open, stated: a dialect says how its writer or reader turns NIR's equations into steps.

NIR (Pedersen et al., Nat. Commun. 15, 8122, 2024) is a continuous-time description without a time step. Every simulator
that reads or writes it has conventions of its own for the discretisation, for what a spike through a weight does to the
potential, and for the reset; some hide the time step in ``r``. A `Dialect` is the list of those conventions.

With W a NIR weight and dt the step of the file, an arriving spike moves the potential of an LIF node by

==================  =============================  ==============================
``arrival``          exact, a = exp(-dt/tau)        Euler, a = 1 - dt/tau
==================  =============================  ==============================
``HELD``             W r (1 - a)                    W r dt/tau
``PULSE``            W r dt/tau                     W r dt/tau
``DIRECT``           W r                            W r
``IMPULSE``          W r/tau                        W r/tau
==================  =============================  ==============================

and of an IF node by W r dt (``DIRECT``: W r, ``IMPULSE``: W r). The synaptic current of a CubaLIF node jumps by
W w_in dt/tau_syn (``DIRECT``: W w_in, ``IMPULSE``: W w_in/tau_syn).
"""

from __future__ import annotations

from enum import Enum

from neurosim.errors import DescriptionError
from neurosim.neurons.options import Discretisation, Reset, ResetTiming, SpikeWhen
from neurosim.parameters import Parameters

__all__ = ["DIALECTS", "Arrival", "DelayNodes", "Dialect", "Start", "WrittenR", "dialect_named"]


class Arrival(Enum):
    """What a spike is, on its way through a weight."""

    HELD = "held"
    """a current of one, held over one step and integrated by the dialect's own rule"""
    PULSE = "pulse"
    """the same charge, delivered at once when it arrives"""
    DIRECT = "direct"
    """a jump: the time constant does not divide it"""
    IMPULSE = "impulse"
    """a Dirac impulse of area one (in the file's unit of time)"""


class Start(Enum):
    """The potential before step 0."""

    REST = "rest"
    ZERO = "zero"
    RESET = "reset"


class DelayNodes(Enum):
    """Whether the readers of a dialect know NIR's Delay node."""

    WRITTEN = "written"
    LEFT_OUT = "left out"


class WrittenR(Enum):
    """What the writer puts into ``r``; the weights take up the difference."""

    KEPT = "kept"
    """the model's own resistance"""
    UNIT = "unit"
    """one"""
    STEP = "step"
    """tau/dt (IF: 1/dt), so that a weight is a jump of the potential"""


class Dialect(Parameters):
    """Conventions that a NIR file does not state.

    Attributes:
        name: for messages.
        discretisation: how decay factors follow from time constants.
        arrival: what a spike does, see the table of this module.
        spike_when, reset, reset_timing: of all spiking nodes.
        start: initial potential.
        file_dt: the time step that the time constants of a file are made for, in the file's unit of time; None when it
            is the ``dt`` of the network. Files of SpikingJelly and Norse are in seconds, snnTorch always counts
            1e-4 for a step, sinabs counts steps.
        transport_steps: steps that every connection takes beyond its delay.
        written_r: what the writer puts into ``r``.
        delay_nodes: whether the writer writes delays.
    """

    name: str
    discretisation: Discretisation = Discretisation.EULER
    arrival: Arrival = Arrival.HELD
    spike_when: SpikeWhen = SpikeWhen.EXCEEDED
    reset: Reset = Reset.TO_VALUE
    reset_timing: ResetTiming = ResetTiming.SAME_STEP
    start: Start = Start.REST
    file_dt: float | None = None
    transport_steps: int = 0
    written_r: WrittenR = WrittenR.KEPT
    delay_nodes: DelayNodes = DelayNodes.LEFT_OUT

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.file_dt is not None and not 0 < self.file_dt < float("inf"):
            raise DescriptionError("must be a positive time", where="Dialect.file_dt", value=self.file_dt)
        if int(self.transport_steps) != self.transport_steps or self.transport_steps < 0:
            raise DescriptionError(
                "must be whole steps", where="Dialect.transport_steps", value=self.transport_steps
            )


DIALECTS: dict[str, Dialect] = {
    d.name: d
    for d in (
        # NIR's equations solved exactly between steps, as in the reference solution of the NIR paper: a spike of one
        # step is a current of one during that step.
        Dialect(name="continuous", discretisation=Discretisation.EXACT, delay_nodes=DelayNodes.WRITTEN),
        Dialect(name="nengo", discretisation=Discretisation.EXACT),
        # snn.Leaky and snn.Synaptic as snntorch.export_nir 1.0.0 writes them and snntorch.import_nir makes them:
        # beta = 1 - 1e-4/tau, reset to zero in the same step (the module's own mechanism is not in the file).
        Dialect(name="snntorch", start=Start.ZERO, file_dt=1e-4, written_r=WrittenR.STEP),
        # the same modules with their defaults, reset by subtraction one step late
        Dialect(
            name="snntorch-subtract",
            start=Start.ZERO,
            file_dt=1e-4,
            written_r=WrittenR.STEP,
            reset=Reset.BY_SUBTRACTION,
            reset_timing=ResetTiming.NEXT_STEP,
        ),
        # spikingjelly.activation_based.nir_exchange 2.0.0; `dt` is the one given to export_to_nir. Hard reset only.
        Dialect(
            name="spikingjelly", spike_when=SpikeWhen.REACHED, start=Start.RESET, written_r=WrittenR.STEP
        ),
        # norse 1.1.0 LIFBoxCell and LIFCell: v += dt/tau (v_leak - v + x); r is taken to be one
        Dialect(name="norse", start=Start.REST, written_r=WrittenR.UNIT),
        # spyx: the delayed subtracting reset of snnTorch on a seconds grid
        Dialect(
            name="spyx",
            reset=Reset.BY_SUBTRACTION,
            reset_timing=ResetTiming.NEXT_STEP,
            start=Start.ZERO,
            delay_nodes=DelayNodes.WRITTEN,
        ),
        # rockpool 3.1.0 LIFTorch: v = exp(-dt/tau) v + x, floor(v/threshold) spikes, reset by subtraction
        Dialect(
            name="rockpool",
            discretisation=Discretisation.EXACT,
            arrival=Arrival.PULSE,
            spike_when=SpikeWhen.REACHED,
            reset=Reset.BY_SUBTRACTION,
            start=Start.ZERO,
        ),
        # sinabs 3.1.3: time constants in steps, norm_input=False
        Dialect(
            name="sinabs",
            discretisation=Discretisation.EXACT,
            arrival=Arrival.DIRECT,
            spike_when=SpikeWhen.REACHED,
            reset=Reset.BY_SUBTRACTION,
            start=Start.ZERO,
            file_dt=1.0,
            written_r=WrittenR.UNIT,
        ),
        # Lava's floating-point processes as in the NIR paper: every connection takes one step
        Dialect(name="lava", start=Start.ZERO, transport_steps=1, written_r=WrittenR.UNIT),
    )
}
"""The dialects by name."""


def dialect_named(dialect: Dialect | str) -> Dialect:
    """The dialect itself, or the one of that name."""
    if isinstance(dialect, Dialect):
        return dialect
    if dialect not in DIALECTS:
        raise DescriptionError(
            "unknown dialect", where="dialect", value=repr(dialect), limit=f"one of {sorted(DIALECTS)}"
        )
    return DIALECTS[dialect]
