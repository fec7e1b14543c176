from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import torch

from neurosim import neurons, nn
from neurosim.errors import DataError, MissingExtraError, UnsupportedError


def test_without_torch_the_extra_is_named():
    code = "import sys; sys.modules['torch'] = None; import neurosim.nn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "neurosim-toolkit[train]" in done.stderr
    assert "MissingExtraError" in done.stderr


def test_without_triton_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "neurosim.nn.gpu", raising=False)
    with pytest.raises(MissingExtraError, match=r"triton.*neurosim-toolkit\[train\]"):
        importlib.import_module("neurosim.nn.gpu")


@pytest.mark.parametrize("dtype", [torch.float16, torch.int64])
def test_dtypes_without_a_kernel_are_refused(dtype):
    x = torch.zeros(2, 1, 3, dtype=dtype)
    with pytest.raises(UnsupportedError, match=r"float32 or float64.*got torch"):
        nn.LIF(neurons.LIF(), 3, dt=1e-3)(x)
    with pytest.raises(DataError, match="differ in dtype"):
        nn.DelayLinear(3, 2, 4)(x)
