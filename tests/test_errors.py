import pickle

import pytest

from neurosim import errors
from neurosim.errors import DescriptionError, MissingExtraError, NeurosimError


def test_message_says_what_where_value_limit_and_remedy() -> None:
    error = DescriptionError(
        "a delay is negative", where="projection 'a->b'", value=-1e-3, limit=">= 0 s", remedy="Use 0."
    )
    assert str(error) == "projection 'a->b': a delay is negative (got -0.001; allowed: >= 0 s). Use 0."


def test_parts_that_are_missing_leave_no_trace() -> None:
    assert str(NeurosimError("it broke")) == "it broke"


@pytest.mark.parametrize(
    "name", [n for n in errors.__all__ if n not in ("NeurosimError", "MissingExtraError")]
)
def test_one_tree(name: str) -> None:
    error = getattr(errors, name)("what", where="here")
    assert isinstance(error, NeurosimError)
    assert str(error) == "here: what"


def test_missing_extra_names_the_real_cause() -> None:
    error = MissingExtraError("torch", "train", OSError("libgomp.so.1 is missing"))
    assert isinstance(error, ImportError)
    assert "libgomp.so.1 is missing" in str(error)
    assert "neurosim-toolkit[train]" in str(error)


def test_builtin_bases_let_plain_python_catch_them() -> None:
    assert issubclass(errors.DescriptionError, ValueError)
    assert issubclass(errors.NumericsError, ArithmeticError)


@pytest.mark.parametrize(
    "error",
    [
        DescriptionError("what", where="here", value=3, limit="< 3", remedy="Less"),
        errors.LossError("what", report=("a", "b")),
        MissingExtraError("torch", "train", OSError("libgomp.so.1 is missing")),
    ],
    ids=lambda e: type(e).__name__,
)
def test_worker_processes_can_send_them_back(error: NeurosimError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert getattr(back, "report", None) == getattr(error, "report", None)
