"""exp(x) and 1 - exp(-x) in plain arithmetic, so that a loop over them turns into vector instructions."""

from __future__ import annotations

from typing import Any

__all__ = ["exponential", "relaxation"]


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


def exponential(x: Any) -> Any:
    """exp(x) for models in which it is one term of several.

    A power series of exp(y) - 1 at y = x/1024, and E(2 y) = E(y) (2 + E(y)) ten times. For x < 0 the error is at most
    4e-16, which is not relative to the result (below -45 that is 0). Above it is 1e-15 + 1e-15 x of the result to
    x = 100, and grows to 1e-7 of it at 700; beyond, the result overflows in its own time.
    """
    y = (-45.0 if x < -45.0 else x) * 0.0009765625
    e = 1.0 / 3628800.0 + y * (1.0 / 39916800.0)
    e = 1.0 / 362880.0 + y * e
    e = 1.0 / 40320.0 + y * e
    e = 1.0 / 5040.0 + y * e
    e = 1.0 / 720.0 + y * e
    e = 1.0 / 120.0 + y * e
    e = 1.0 / 24.0 + y * e
    e = 1.0 / 6.0 + y * e
    e = 0.5 + y * e
    e = y * (1.0 + y * e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    e = e * (2.0 + e)
    return 1.0 + e
