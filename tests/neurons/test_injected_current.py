"""What every model with a current promises: a constant injected current is its parameter ``current``."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import neurosim as ns
from neurosim.neurons import NeuronModel

MODELS = [
    ns.LIF, ns.CurrentLIF, ns.DualCurrentLIF, ns.AlphaCurrentLIF, ns.AdaptiveLIF, ns.IntegrateAndFire,
    ns.LeakyIntegrator, ns.ConductanceLIF, ns.AlphaConductanceLIF, ns.Izhikevich, ns.AdEx,
]  # fmt: skip


def test_every_model_but_the_relay_takes_one() -> None:
    public = [getattr(ns.neurons, name) for name in ns.neurons.__all__]
    models = {c for c in public if issubclass(c, NeuronModel) and c.CURRENT is not None} - {NeuronModel}
    assert models == set(MODELS)


@pytest.mark.parametrize("kind", MODELS, ids=lambda c: c.__name__)
@given(current=st.floats(-1e3, 1e3), dt=st.floats(1e-5, 1e-2), resistance=st.floats(1e-3, 1e3))
def test_injecting_is_the_same_as_having_it(
    kind: type[NeuronModel], current: float, dt: float, resistance: float
) -> None:
    more = {} if kind is ns.Izhikevich else {"resistance": resistance}
    for rule in kind.DISCRETISATIONS:
        if "discretisation" in kind.__dataclass_fields__:  # type: ignore[attr-defined]
            more |= {"discretisation": rule}
        without, having = kind(**more), kind(current=current, **more)
        a, b = without.coefficients(dt), having.coefficients(dt)
        injected = {n: v + without.current_gain(dt) * current * (n == kind.CURRENT) for n, v in a.items()}
        for name, value in b.items():
            assert np.isclose(injected[name], value, rtol=1e-12, atol=0), name
