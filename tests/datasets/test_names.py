from __future__ import annotations

import pytest

import neurosim.datasets


@pytest.mark.parametrize("name", neurosim.datasets.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(neurosim.datasets, name)
    assert thing.__doc__ or not callable(thing)


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="retina_of_a_cat"):
        neurosim.datasets.sensors.retina_of_a_cat  # noqa: B018
