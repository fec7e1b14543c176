"""1 - exp(-x) in plain arithmetic, so that a loop over it turns into vector instructions."""

from __future__ import annotations

from typing import Any

__all__ = ["relaxation"]


def relaxation(x: Any) -> Any:
    """1 - exp(-x) for x >= 0: the share of its way that a relaxation covers in the time x.

    A power series at x/128, and Q(2 y) = Q(y) (2 - Q(y)) seven times, which does not let relative errors grow. Beyond
    40 the result is 1 in double precision.
    """
    y = (40.0 if x > 40.0 else x) * 0.0078125
    q = 1.0 / 479001600.0 - y * (1.0 / 6227020800.0)
    q = 1.0 / 39916800.0 - y * q
    q = 1.0 / 3628800.0 - y * q
    q = 1.0 / 362880.0 - y * q
    q = 1.0 / 40320.0 - y * q
    q = 1.0 / 5040.0 - y * q
    q = 1.0 / 720.0 - y * q
    q = 1.0 / 120.0 - y * q
    q = 1.0 / 24.0 - y * q
    q = 1.0 / 6.0 - y * q
    q = 0.5 - y * q
    q = y * (1.0 - y * q)
    q = q * (2.0 - q)
    q = q * (2.0 - q)
    q = q * (2.0 - q)
    q = q * (2.0 - q)
    q = q * (2.0 - q)
    q = q * (2.0 - q)
    return q * (2.0 - q)
