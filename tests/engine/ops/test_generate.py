import enum
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from neurosim.engine.ops import generate
from neurosim.engine.ops.generate import compiled_in, enum_import, function_source, load_generated
from neurosim.errors import DescriptionError


class Colour(enum.IntEnum):
    RED = 3


def scaled(v: Any, x: Any) -> Any:
    return v * float(Colour.RED) + x


def made(factor: float) -> Callable[..., Any]:
    def inside(v: Any, x: Any) -> Any:
        return factor * v + x

    return inside


def twice(v: Any, x: Any) -> Any:
    return scaled(scaled(v, x), x)


def test_functions_of_the_module_come_along() -> None:
    imports, source = function_source(twice, "step", "here")
    assert source.index("def scaled(") < source.index("def step(")
    assert imports == [enum_import(Colour, "Colour")]


UNKNOWN = [1.0]


def uses_a_list(v: Any, x: Any) -> Any:
    return v + UNKNOWN[0]


def test_the_source_is_renamed_and_its_enums_are_imported_with_their_values() -> None:
    imports, source = function_source(scaled, "step", "here")
    assert source.startswith('@njit(inline="always")\ndef step(v: Any, x: Any)')
    # a compiled kernel holds the values: other values must give another text, and so another file
    assert imports == [enum_import(Colour, "Colour")]
    assert imports[0].endswith("import Colour as Colour  # RED=3")


@pytest.mark.parametrize(
    ("function", "says"),
    [(made(2.0), "factor"), (lambda v, x: v + x, "lambda"), (uses_a_list, "UNKNOWN"), (len, "source")],
)
def test_functions_that_cannot_be_copied_are_refused(function: Callable[..., Any], says: str) -> None:
    with pytest.raises(DescriptionError, match=f"here.*{says}"):
        function_source(function, "step", "here")


def test_threads_share_one_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    text = "import time\n\ntime.sleep(0.05)\nVALUE = object()\n"
    with ThreadPoolExecutor(8) as pool:
        modules = list(pool.map(lambda _: load_generated("shared", text), range(8)))
    assert len({id(m.VALUE) for m in modules}) == 1
    assert capsys.readouterr().err.count("compiling kernels for shared") == 1


def test_what_kernels_are_compiled_with_belongs_to_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from neurosim.engine.ops.spike_list import append_spikes\n"
    assert {
        "neurosim.engine.ops.spike_list",
        "neurosim.engine.ops.native",
        "neurosim.engine.ops.driver",
    } <= set(compiled_in(text))
    before = load_generated("probe", text).__name__
    source = generate._source
    monkeypatch.setattr(generate, "_source", lambda module: source(module) + "# another version")
    assert load_generated("probe", text).__name__ != before
