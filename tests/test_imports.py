"""Imports run one way, and what is light stays light."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

# Slow to import, or an extra: nothing but the module that needs one may load it.
HEAVY = {
    "torch",
    "matplotlib",
    "sklearn",
    "brian2",
    "nest",
    "snntorch",
    "spikingjelly",
    "tonic",
    "dask",
    "badcrossbar",
}
# Fine in the core, but not in a command that only prints its help.
NUMERIC = {"numpy", "scipy", "numba", "h5py", "nir"}
# The modules that train; everything else runs without PyTorch.
TRAINING = ("neurosim.nn", "neurosim.continual")


def loaded_by(code: str, folder: Path) -> set[str]:
    """Names of the top-level packages that a fresh interpreter has loaded after ``code``."""
    script = (
        f"import sys, json\n{code}\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def all_modules(repository: Path) -> list[str]:
    names = []
    for tree in ("neurosim", "hardware", "datasets"):
        for file in sorted((repository / tree).rglob("*.py")):
            parts = file.relative_to(repository).with_suffix("").parts
            parts = parts if tree == "neurosim" else ("neurosim", *parts)
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [name for name in names if not name.endswith(".__main__")]


def modules_without_training(repository: Path) -> list[str]:
    return [n for n in all_modules(repository) if not n.startswith(TRAINING) and not n.endswith(".training")]


def lint_imports(layout: Path, repository: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    command += ["--config", str(repository / "pyproject.toml")]
    return subprocess.run(command, cwd=layout, capture_output=True, text=True)


def test_contracts_between_packages(repository: Path, installed_layout: Path) -> None:
    """The contracts of pyproject.toml, checked by import-linter on the installed layout."""
    result = lint_imports(installed_layout, repository)
    if result.returncode:
        pytest.fail(result.stdout + result.stderr, pytrace=False)
    assert "0 broken" in result.stdout


def test_a_broken_contract_is_seen(repository: Path, installed_layout: Path, tmp_path: Path) -> None:
    """The linter really looks into hardware/ and datasets/: a module that breaks each rule is caught."""
    package = tmp_path / "neurosim"
    package.mkdir()
    for entry in (installed_layout / "neurosim").iterdir():
        if entry.name != "hardware":
            (package / entry.name).symlink_to(entry.resolve())
    hardware = package / "hardware"
    hardware.mkdir()
    for entry in (repository / "hardware").iterdir():
        (hardware / entry.name).symlink_to(entry)
    (hardware / "crossbar").unlink()
    (hardware / "crossbar").mkdir()
    (hardware / "crossbar" / "__init__.py").write_text(
        "def f():\n    import torch\n    import neurosim.hardware.loihi\n"
    )
    result = lint_imports(tmp_path, repository)
    assert result.returncode == 1
    assert "Targets never import each other BROKEN" in result.stdout
    assert "PyTorch is imported only where networks are trained BROKEN" in result.stdout


def test_import_neurosim_is_lazy(tmp_path: Path) -> None:
    assert not loaded_by("import neurosim", tmp_path) & (HEAVY | NUMERIC)


def test_help_needs_no_numerics(tmp_path: Path) -> None:
    code = "from neurosim.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert not loaded_by(code, tmp_path) & (HEAVY | NUMERIC)


def test_emulating_leaves_extras_alone(repository: Path, tmp_path: Path) -> None:
    """Every module outside training can be imported without PyTorch or any other extra."""
    names = modules_without_training(repository)
    assert "neurosim.hardware.loihi" in names
    assert "neurosim.datasets" in names
    loaded = loaded_by(f"import importlib\nfor name in {names!r}: importlib.import_module(name)", tmp_path)
    assert not loaded & HEAVY


def test_public_names_exist(repository: Path) -> None:
    """Lazy packages promise names that nothing checks until somebody asks for them."""
    for module in map(importlib.import_module, all_modules(repository)):
        for name in getattr(module, "__all__", ()):
            found = hasattr(module, name) or importlib.util.find_spec(f"{module.__name__}.{name}")
            assert found, f"{module.__name__}.__all__ promises {name}"


def test_lazy_names_are_typed(repository: Path) -> None:
    """What ``__getattr__`` imports at run time is imported for type checkers too, from the same place."""
    lazy = [
        module for module in map(importlib.import_module, all_modules(repository)) if hasattr(module, "_HOME")
    ]
    assert len(lazy) > 3
    for module in lazy:
        tree = ast.parse(Path(str(module.__file__)).read_text())
        typed = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neurosim."):
                typed |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        typed.pop("lazy_names")
        for node in ast.walk(tree):  # compile = compile_network
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in typed:
                typed[ast.unparse(node.targets[0])] = typed.pop(node.value.id)
        homes = {
            name: (home.partition(":")[0], home.partition(":")[2] or name)
            for name, home in module._HOME.items()
        }
        expected = {n: (f"{module.__name__}.{home}", attribute) for n, (home, attribute) in homes.items()}
        assert typed == expected, module.__name__


@pytest.mark.parametrize("name", ["hardware", "datasets"])
def test_folders_refuse_their_bare_names(repository: Path, name: str) -> None:
    """From inside the checkout ``import datasets`` would otherwise shadow other people's packages silently."""
    result = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=repository, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert f"imported as neurosim.{name}" in result.stderr
