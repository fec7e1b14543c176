from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neurosim.datasets.sensors.hair_cell import HairCell
from neurosim.errors import DescriptionError


@pytest.mark.parametrize("movement", [-10.0, 0.0, 30.0, 3000.0])
def test_steady_state_is_where_the_equations_come_to_rest(movement: float) -> None:
    p = HairCell()
    s = max(movement + p.offset, 0.0)
    k = p.permeability * s / (s + p.half)

    def flow(_: float, y: np.ndarray) -> list[float]:
        q, c, w = y
        return [
            p.replenishment * (1 - q) + p.reprocessing * w - k * q,
            k * q - (p.loss + p.return_rate) * c,
            p.return_rate * c - p.reprocessing * w,
        ]

    end = solve_ivp(flow, (0.0, 20.0), [0.5, 0.0, 0.0], method="LSODA", rtol=1e-10, atol=1e-14).y[:, -1]
    assert np.allclose(p.steady(movement), end, rtol=1e-6, atol=1e-10)


def test_rates_are_the_papers() -> None:
    """A fibre of high spontaneous rate: about 60 spikes a second at rest; it saturates at 5.05 h / l = 101."""
    p = HairCell()
    assert p.steady_rate(0.0) == pytest.approx(64.8, abs=0.1)
    assert p.steady_rate(-10.0) == 0.0
    limit = p.permeability * p.replenishment
    limit /= p.replenishment * (p.loss + p.return_rate) + p.permeability * p.loss
    assert p.steady_rate(1e9) == pytest.approx(p.firing * limit)
    assert (np.diff(p.steady_rate(np.linspace(-4, 500, 50))) > 0).all()


def test_refuses_rates_that_are_none() -> None:
    with pytest.raises(DescriptionError):
        HairCell(loss=0.0)
