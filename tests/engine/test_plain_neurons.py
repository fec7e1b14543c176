"""Mistakes in a model of one's own are told in a sentence, before anything is compiled."""

from __future__ import annotations

from typing import Any

import pytest

import neurosim as ns
from neurosim.errors import DescriptionError


class Accumulator(ns.NeuronModel):
    STATE = ("v",)

    def initial(self, dt: float) -> dict[str, float]:
        return {"v": 0.0}

    def coefficients(self, dt: float) -> dict[str, float]:
        return {"gain": 2.0}

    @staticmethod
    def step(v: Any, x: Any, gain: Any) -> Any:
        return v + gain * x, False


class NoSpike(Accumulator):
    @staticmethod
    def step(v: Any, x: Any, gain: Any) -> Any:
        return v + gain * x


class TooMany(Accumulator):
    @staticmethod
    def step(v: Any, x: Any, gain: Any) -> Any:
        return v, x, False


class OtherArguments(Accumulator):
    @staticmethod
    def step(v: Any, x: Any) -> Any:
        return v, False


class OtherState(Accumulator):
    def initial(self, dt: float) -> dict[str, float]:
        return {"u": 0.0}


def run(model: ns.NeuronModel) -> ns.Recording:
    net = ns.Network(dt=1e-3)
    net.population("p", 2, model)
    return ns.simulate(net, duration=3e-3, record={"p": "v"})


def test_a_model_without_mistake_runs() -> None:
    assert run(Accumulator())["p"].v.shape == (3, 1, 2)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (NoSpike, r"must return the new state.*\(v, spike\)"),
        (TooMany, "must return the new state"),
        (OtherArguments, "other arguments"),
        (OtherState, "other states"),
    ],
)
def test_mistakes_are_named(model: type[ns.NeuronModel], says: str) -> None:
    with pytest.raises(DescriptionError, match=says):
        run(model())
