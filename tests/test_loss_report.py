import pytest

from neurosim.errors import LossError
from neurosim.loss_report import Loss, LossKind, LossReport

ROUNDED = Loss(kind=LossKind.ROUNDED, where="projection 'a->b'", what="weights to 8 bits", amount=0.01)
CLIPPED = Loss(kind=LossKind.CLIPPED, where="projection 'a->b'", what="3 delays", amount=3)


def test_refuses_kinds_that_are_not_allowed_and_names_the_loss() -> None:
    report = LossReport([ROUNDED, CLIPPED])
    report.require({LossKind.ROUNDED, LossKind.CLIPPED})
    with pytest.raises(LossError, match="3 delays") as caught:
        report.require({LossKind.ROUNDED})
    assert caught.value.report is report
    assert "weights to 8 bits" not in str(caught.value)


def test_reports_add_and_compare_by_value() -> None:
    assert LossReport([ROUNDED]) + LossReport([CLIPPED]) == LossReport([ROUNDED, CLIPPED])
    assert str(LossReport()) == "nothing lost"
    assert ROUNDED.to_json() == {
        "kind": "rounded",
        "where": "projection 'a->b'",
        "what": "weights to 8 bits",
        "amount": 0.01,
    }
