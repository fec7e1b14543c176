import numpy as np
import pytest

from neurosim.connectivity import FixedProbability, Normal
from neurosim.errors import DescriptionError
from neurosim.neurons import LIF, Reset
from neurosim.plasticity import STDP


def test_compares_by_value_with_arrays_by_content() -> None:
    a, b = LIF(threshold=np.ones(3)), LIF(threshold=np.ones(3))
    assert a == b
    assert hash(a) == hash(b)
    assert a != LIF(threshold=np.array([1, 1, 2.0]))
    assert a != LIF(threshold=1.0)


def test_equal_values_hash_alike() -> None:
    assert LIF(v_rest=np.zeros(3)) == LIF(v_rest=-np.zeros(3))
    assert hash(LIF(v_rest=np.zeros(3))) == hash(LIF(v_rest=-np.zeros(3)))


def test_a_field_of_one_number_refuses_an_array() -> None:
    with pytest.raises(DescriptionError, match=r"Normal\.mean: must be one number"):
        Normal(np.ones(3))  # type: ignore[arg-type]
    with pytest.raises(DescriptionError, match=r"STDP\.a_plus"):
        STDP(a_plus=np.ones(3))  # type: ignore[arg-type]


def test_a_limit_without_unit_is_a_plain_number() -> None:
    with pytest.raises(DescriptionError, match=r"allowed: <= 1\)"):
        FixedProbability(1.5)


def test_frozen_with_read_only_copies_of_arrays() -> None:
    threshold = np.ones(3)
    model = LIF(threshold=threshold)
    threshold[0] = 7
    assert model.threshold[0] == 1  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        model.threshold[0] = 7  # type: ignore[index]
    with pytest.raises(AttributeError):
        model.threshold = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tau_membrane": 0.0}, "> 0 s"),
        ({"tau_membrane": np.array([1e-3, -1e-3])}, "array with -0.001"),
        ({"threshold": float("nan")}, "not NaN"),
        ({"threshold": float("inf")}, "finite"),
        ({"refractory": -1e-3}, ">= 0 s"),
        ({"threshold": "high"}, "number"),
        ({"threshold": "1.0"}, "number"),
        ({"threshold": np.zeros(0)}, "number"),
        ({"reset": 1}, "Reset.BY_SUBTRACTION"),
    ],
)
def test_out_of_range_values_are_refused_with_the_limit(change: dict[str, object], says: str) -> None:
    with pytest.raises(DescriptionError, match=f"LIF.{next(iter(change))}.*{says}"):
        LIF(**change)  # type: ignore[arg-type]


def test_replace_validates_again() -> None:
    assert LIF().replace(reset=Reset.BY_SUBTRACTION).reset is Reset.BY_SUBTRACTION
    with pytest.raises(DescriptionError):
        LIF().replace(tau_membrane=-1.0)
