r"""The inner hair cell and its synapse: from how the membrane moves to how often the auditory nerve fires.

Transmitter moves between three stores: q free in the cell (at most one), c in the cleft, w on its way back.

    k = g (x + A) / (x + A + B) while x + A > 0, else 0          permeability for the movement x
    dq/dt = y (1 - q) + x_w w - k q          dc/dt = k q - (l + r) c          dw/dt = r c - x_w w

and a fibre fires h c times a second. It follows the half-wave of low tones (phase locking), it compresses, and it fires
more when a sound begins than while it lasts, because q runs out.

Source: R. Meddis, M. J. Hewitt, T. M. Shackleton, "Implementation details of a computation model of the inner
hair-cell/auditory-nerve synapse", J. Acoust. Soc. Am. 87, 1813 (1990), after R. Meddis, ibid. 79, 702 (1986); the
defaults are that paper's fibre of high spontaneous rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.parameters import Parameters, parameter

__all__ = ["HairCell"]


class HairCell(Parameters):
    """Parameters of the hair cell; the names in brackets are the source's.

    A movement of root mean square 1 is a sound of 30 dB.
    """

    offset: float = parameter(
        default=5.0, above=0.0, unit="1", doc="A, movement that lets transmitter out at rest"
    )
    half: float = parameter(default=300.0, above=0.0, unit="1", doc="B, movement of half the permeability")
    permeability: float = parameter(default=2000.0, above=0.0, unit="Hz", doc="g, the most that is let out")
    replenishment: float = parameter(default=5.05, above=0.0, unit="Hz", doc="y, of free transmitter")
    loss: float = parameter(default=2500.0, above=0.0, unit="Hz", doc="l, from the cleft")
    return_rate: float = parameter(
        default=6580.0, above=0.0, unit="Hz", doc="r, from the cleft into the cell"
    )
    reprocessing: float = parameter(default=66.31, above=0.0, unit="Hz", doc="x, of returned transmitter")
    firing: float = parameter(default=50000.0, above=0.0, unit="Hz", doc="h, spikes a second of a full cleft")

    def steady(self, movement: ArrayLike) -> NDArray[np.float64]:
        """Stores (q, c, w), float64 ``[3, ...]``, that a constant movement leads to."""
        s = np.maximum(np.asarray(movement, np.float64) + self.offset, 0.0)
        k = self.permeability * s / (s + self.half)
        c = k * self.replenishment / (self.replenishment * (self.loss + self.return_rate) + k * self.loss)
        return np.stack(
            [1.0 - self.loss * c / self.replenishment, c, self.return_rate * c / self.reprocessing]
        )

    def steady_rate(self, movement: ArrayLike) -> NDArray[np.float64]:
        """Spikes a second of a fibre under a constant movement; at 0 the spontaneous rate, 66 Hz by default."""
        return self.firing * self.steady(movement)[1]
