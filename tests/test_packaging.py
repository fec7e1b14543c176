"""What is built is what lies in the folders: wheel and sdist are complete, and run away from the checkout.

``hardware/`` and ``datasets/`` lie beside ``neurosim/`` and are installed inside it, so each of these could go wrong
without anybody noticing in a checkout.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import neurosim

TREES = {"neurosim": "neurosim", "hardware": "neurosim/hardware", "datasets": "neurosim/datasets"}


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def installed_files(repository: Path) -> set[str]:
    """Every file of the three trees under the path that it is installed to."""
    return {
        f"{home}/{file.relative_to(repository / tree).as_posix()}"
        for tree, home in TREES.items()
        for file in (repository / tree).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.fixture(scope="module")
def distributions(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    source = tmp_path_factory.mktemp("source")
    for name in (*TREES, "benchmarks", "docs", "examples", "tests"):
        ignore = shutil.ignore_patterns("__pycache__", "_build", ".*")
        if (repository / name).is_dir():
            shutil.copytree(repository / name, source / name, ignore=ignore)
    for file in repository.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy(file, source)
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return out


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    return next(distributions.glob("*.whl"))


def test_every_package_is_listed(repository: Path, project: dict[str, Any]) -> None:
    """A sub-package that is missing from the list is left out of the wheel without a word."""
    found = {
        ".".join(PurePosixPath(home, file.parent.relative_to(repository / tree)).parts)
        for tree, home in TREES.items()
        for file in (repository / tree).rglob("__init__.py")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == found


def test_every_folder_with_code_is_a_package(repository: Path) -> None:
    for tree in TREES:
        for file in (repository / tree).rglob("*.py"):
            assert (file.parent / "__init__.py").is_file(), f"{file.parent} has code and no __init__.py"


def test_one_version(project: dict[str, Any]) -> None:
    assert project["project"]["version"] == neurosim.__version__


def test_wheel_holds_every_file(wheel: Path, installed_files: set[str]) -> None:
    """Python files, py.typed, chip descriptions: nothing is forgotten, and nothing else comes along."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == installed_files
    assert "neurosim/py.typed" in packed
    assert any(name.endswith(".toml") for name in packed)


def test_sdist_holds_the_project(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"LICENSE", "README.md", "constraints.txt", "pyproject.toml", "setup.cfg", "tests/conftest.py"}
    assert wanted <= names
    assert "hardware/__init__.py" in names
    assert "datasets/__init__.py" in names


@pytest.mark.slow
def test_wheel_runs_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Installed alone in a fresh environment, which finds the dependencies of this one but not its editable install."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    target = sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)})
    # A folder named in a .pth file is searched, but its own .pth files (editable installs) are not read.
    Path(target, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    options = ["--quiet", "--no-deps", "--no-index"]
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel)]
    subprocess.run(install, check=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(*command: str | Path) -> str:
        result = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    where = run(
        python, "-c", "import neurosim.hardware, neurosim.datasets; print(neurosim.hardware.__file__)"
    )
    assert Path(where.strip()).is_relative_to(target)
    assert run(python, "-c", SIMULATE).split() == ["1", "1"]
    assert "demo" in run(home / "bin" / "neurosim", "--help")


# Two input spikes, each strong enough to make the neuron fire: one spike a step.
SIMULATE = """
import numpy as np
import neurosim as ns
net = ns.Network(dt=1e-3, seed=0)
source = net.input("source", shape=(1,))
neuron = net.population("neuron", 1, ns.LIF(tau_membrane=20e-3, threshold=1.0))
net.connect(source, neuron, ns.AllToAll(), weight=1.5)
net.output(neuron)
events = ns.Spikes.from_dense(np.ones((2, 1, 1)), dt=1e-3)
recording = ns.simulate(net, {"source": events}, duration=2e-3, record={"neuron": ns.Record("spikes")})
print(*recording["neuron"].spikes.dense().ravel().astype(int))
"""


def test_errors_name_extras_that_help(repository: Path, project: dict[str, Any]) -> None:
    """``MissingExtraError("sklearn", "liquid", cause)``: the extra exists and installs that package."""
    distributions = {
        "sklearn": "scikit-learn", "nest": "nest-simulator", "distributed": "dask[distributed]",
        "triton": "torch",  # which brings it, on systems with its GPUs
    }  # fmt: skip
    extras = project["project"]["optional-dependencies"]
    named = [
        [argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant)]
        for tree in TREES
        for file in (repository / tree).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "MissingExtraError"
    ]
    assert len(named) > 3
    for package, extra in named:
        wanted = distributions.get(package, package).lower()
        assert any(line.lower().startswith(wanted) for line in extras[extra]), (
            f"{extra} does not install {wanted}"
        )


@pytest.mark.parametrize("tree", ["hardware", "datasets"])
def test_relative_imports_stay_inside(repository: Path, tree: str) -> None:
    """``from ..x`` that leaves the folder works when installed and breaks for type checkers in the checkout."""
    root = repository / tree
    for file in root.rglob("*.py"):
        depth = len(file.relative_to(root).parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= depth, f"{file}:{node.lineno} leaves {tree}/"
