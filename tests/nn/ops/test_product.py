from __future__ import annotations

import pytest
import torch

from neurosim.nn.ops import product as module
from neurosim.nn.ops.product import product

SHAPES = [((3, 5), 4), ((40, 30, 50), 7), ((128, 256), 20), ((0, 5), 4), ((3, 1000, 40), 300)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("shape", "n"), SHAPES)
def test_it_is_the_product(shape, n, dtype):
    """Sums of at most 256 numbers of order one in another order: some 1e-5 in float32."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator, dtype=dtype)
    weight = torch.randn((n, shape[-1]), generator=generator, dtype=dtype)
    expected = (x.double() @ weight.double().T).to(dtype)
    tolerance = 1e-4 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(product(x, weight), expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(product(x.mT.contiguous().mT, weight), expected, rtol=0, atol=tolerance)


def test_builds_without_onednn_use_the_plain_product(monkeypatch):
    monkeypatch.setattr(module, "_ONEDNN", None)
    x, weight = torch.ones(300, 300), torch.eye(300)
    assert torch.equal(product(x, weight), x)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert module._found() is None


def test_an_unknown_form_of_onednn_is_not_used(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    assert module._found() is None


def test_lower_precision_elsewhere_is_not_taken_over():
    x, weight = torch.rand(2, 3), torch.rand(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = product(x, weight)
    assert torch.equal(inside, product(x, weight))  # dtype included
