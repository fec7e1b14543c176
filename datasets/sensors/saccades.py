"""How the sensor moves: saccades along a closed path, as event cameras were moved to record N-MNIST."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters, parameter

__all__ = ["Profile", "Saccades"]


class Profile(Enum):
    """Distance covered against time within one saccade."""

    MINIMUM_JERK = "minimum jerk"
    """s = 10 u^3 - 15 u^4 + 6 u^5: starts and stops smoothly (Flash and Hogan, J. Neurosci. 5, 1985)"""
    CONSTANT = "constant"
    """s = u: constant speed"""


class Saccades(Parameters):
    """Straight movements from corner to corner of a path, one after the other.

    The default is the protocol of N-MNIST (Orchard, Jayawant, Cohen and Thakor, "Converting static image datasets to
    spiking neuromorphic datasets using saccades", Front. Neurosci. 9:437, 2015): three saccades of 100 ms along an
    isosceles triangle as wide as it is high, about 5 pixels of its 34 x 34.

    Path, direction and extent agree with the recordings: a `Retina` that looks at the same MNIST digits, dark on light,
    sends the same events per pixel, polarity and saccade with a correlation of 0.8.

    Args:
        extent: size of the path in sensor pixels; corners are multiplied by it.
        duration: of one saccade, seconds.
        corners: (x, y) of the image on the sensor relative to its centre: right and down are positive. The first
            is where the recording starts; every further one is reached by one saccade.
        profile: speed within a saccade.
    """

    extent: float = parameter(default=5.0, minimum=0.0, unit="1", doc="size of the path in sensor pixels")
    duration: float = parameter(default=0.1, above=0.0, unit="s", doc="of one saccade")
    corners: tuple[tuple[float, float], ...] = ((-0.5, -0.5), (0.0, 0.5), (0.5, -0.5), (-0.5, -0.5))
    profile: Profile = Profile.MINIMUM_JERK

    def __post_init__(self) -> None:
        super().__post_init__()
        points = np.asarray(self.corners, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2 or not np.isfinite(points).all():
            raise DescriptionError(
                "is not a path", where="Saccades.corners", value=self.corners, limit="two (x, y) or more"
            )
        object.__setattr__(self, "corners", tuple((float(x), float(y)) for x, y in points))

    @property
    def total(self) -> float:
        """Seconds of all saccades."""
        return self.duration * (len(self.corners) - 1)

    def position(self, time: ArrayLike) -> NDArray[np.float64]:
        """Shift of the image on the sensor in pixels, ``[..., 2]`` as (x, y), at ``time`` in seconds (held outside)."""
        phase = np.clip(np.asarray(time, dtype=np.float64) / self.duration, 0.0, len(self.corners) - 1)
        leg = np.minimum(phase.astype(np.int64), len(self.corners) - 2)
        u = phase - leg
        if self.profile is Profile.MINIMUM_JERK:
            u = u * u * u * (10.0 + u * (6.0 * u - 15.0))
        corner = np.asarray(self.corners) * self.extent
        return corner[leg] + u[..., None] * (corner[leg + 1] - corner[leg])
