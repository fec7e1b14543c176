"""What all tests share: vectors of other implementations, recordings, fixed seeds, and the installed folder layout.

A test asks for vectors by kind, and every file of that kind that is found becomes one case::

    @pytest.mark.reference("loihi/lif_*.npz")
    def test_matches_lava(reference_file: Path) -> None: ...

``data`` and ``data_file`` do the same for recordings. Without arguments the marker only says that a test needs the
folder; the fixtures ``reference_folder`` and ``data_folder`` name it. Where the environment variable is not set, such
tests are skipped, and the last lines of the run say how many files of how many kinds were used.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numba.core.dispatcher import Dispatcher

# Workers share the cores: threads of OpenMP (PyTorch's operators) would wait for each other in busy loops, on small
# arrays for longer than they compute. Read when the library is loaded, and by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"reference": "NEUROSIM_REFERENCE", "data": "NEUROSIM_DATA"}

# The same examples in every run: a red build is a change in the code, never in the dice.
settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

_compile = Dispatcher.compile


def _compile_untraced(self: Any, sig: Any) -> Any:
    """Coverage asks at each call whether it is of ours: Numba, with millions of them, takes half as long again."""
    tracer: Any = sys.gettrace()
    if type(tracer).__name__ != "CTracer":
        return _compile(self, sig)
    sys.settrace(None)
    try:
        return _compile(self, sig)
    finally:
        tracer.start()  # in C, so that it sees this call end, as it has seen it begin


Dispatcher.compile = _compile_untraced

_found = pytest.StashKey[dict[str, dict[str, int]]]()


def folder_of(marker: str) -> Path | None:
    """The folder behind a marker, or None where its environment variable is not set."""
    value = os.environ.get(FOLDERS[marker])
    return Path(value) if value else None


def _missing(marker: str, kind: str = "") -> pytest.MarkDecorator:
    variable = FOLDERS[marker]
    reason = f"no {kind} in the folder named by {variable}" if folder_of(marker) else f"{variable} is not set"
    return pytest.mark.skip(reason=reason)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_found] = {marker: {} for marker in FOLDERS}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case for each file of the kinds that the marker names."""
    for marker in FOLDERS:
        argument = f"{marker}_file"
        if argument not in metafunc.fixturenames:
            continue
        kinds = [kind for mark in metafunc.definition.iter_markers(marker) for kind in mark.args]
        if not kinds:
            raise pytest.UsageError(
                f"{metafunc.definition.nodeid} uses {argument}: mark it {marker}('kind/*.npz')"
            )
        cases = []
        for kind in kinds:
            folder = folder_of(marker)
            files = sorted(folder.glob(kind)) if folder else []
            metafunc.config.stash[_found][marker][kind] = len(files)
            cases += [pytest.param(file, id=file.stem) for file in files]
            if not files:
                cases.append(pytest.param(None, id=kind.replace("/", "-"), marks=_missing(marker, kind)))
        metafunc.parametrize(argument, cases)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in FOLDERS:
            if folder_of(marker) is None and item.get_closest_marker(marker):
                item.add_marker(_missing(marker))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # pytest-xdist: only the workers collect
        session.config.workeroutput["found"] = session.config.stash[_found]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for marker, kinds in getattr(node, "workeroutput", {}).get("found", {}).items():
        node.config.stash[_found][marker].update(kinds)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for marker, variable in FOLDERS.items():
        kinds = config.stash[_found][marker]
        if not kinds:
            continue
        if folder_of(marker) is None:
            terminalreporter.write_line(
                f"{marker}: {variable} is not set, {len(kinds)} kinds of files skipped"
            )
            continue
        used = sum(1 for n in kinds.values() if n)
        text = f"{marker}: {sum(kinds.values())} files of {used} kinds used"
        absent = [kind for kind, n in kinds.items() if not n]
        terminalreporter.write_line(text + (f"; none of {', '.join(absent)}" if absent else ""))


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    """The folder of vectors made by other implementations."""
    return folder_of("reference") or pytest.skip("NEUROSIM_REFERENCE is not set")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real recordings."""
    return folder_of("data") or pytest.skip("NEUROSIM_DATA is not set")


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Peers draw from global generators; ours never do."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True)
def empty_nest_kernel() -> Iterator[None]:
    """NEST has one kernel a process, and ``backend="nest"`` leaves one alone that is in use."""
    yield
    nest = sys.modules.get("nest")
    if nest is not None and nest.network_size:
        nest.ResetKernel()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def installed_layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ``neurosim`` looks as it does when installed, ``hardware`` and ``datasets`` inside it.

    Made of links, so that tools which read source files (mypy, import-linter) see the names that users import.
    """
    layout = tmp_path_factory.mktemp("layout")
    package = layout / "neurosim"
    package.mkdir()
    for entry in (ROOT / "neurosim").iterdir():
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    for name in ("hardware", "datasets"):
        (package / name).symlink_to(ROOT / name)
    return layout
