"""The page's LightningModule, where Lightning is installed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch


@pytest.mark.filterwarnings("ignore")  # Lightning's own
def test_the_module_of_the_page_trains(repository, make_module, make_data, tmp_path, monkeypatch):
    try:
        import lightning  # noqa: F401
    except ImportError as missing:
        pytest.skip(f"Lightning cannot be imported: {missing}")
    from neurosim import nn

    page = (repository / "docs" / "training.md").read_text()
    code = re.search(r"^```python\n(import lightning\n.*?)^```$", page, re.M | re.S)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    spikes, labels = make_data()
    module, loss = make_module(), nn.SpikeCountCrossEntropy()
    before = [p.detach().clone() for p in module.parameters()]
    found = nn.evaluate(module, spikes, labels).loss
    namespace: dict[str, Any] = {
        "nn": nn, "module": module.train(), "loss": loss, "spikes": spikes, "labels": labels,
    }  # fmt: skip
    exec(code[1], namespace)
    assert namespace["trainer"].global_step == 6
    assert not any(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    assert nn.evaluate(module, spikes, labels).loss < found
