"""Sphinx configuration; pages are Markdown (MyST). Build with ``sphinx-build -W docs docs/_build``, as the tests do."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import neurosim

project = "neurosim"
author = "The neurosim developers"
version = release = neurosim.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Spiking networks, from description to chip", "page_width": "1100px"}

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False

ROOT = Path(__file__).resolve().parent.parent
TREES = {"neurosim": "neurosim", "hardware": "neurosim.hardware", "datasets": "neurosim.datasets"}


def public_names() -> dict[str, list[str]]:
    """Public names by module: modules of the core's top level, packages, modules named in a package's ``__all__``, and
    of other modules what the package `neurosim` itself offers.

    What several packages offer is described once, in the innermost.
    """
    pending = {f"neurosim.{file.stem}" for file in (ROOT / "neurosim").glob("[a-z]*.py")}
    for tree, home in TREES.items():
        for file in (ROOT / tree).rglob("__init__.py"):
            pending.add(".".join([home, *file.parent.relative_to(ROOT / tree).parts]))
    pending.remove("neurosim")
    innermost: dict[int, str] = {}
    names: dict[str, dict[str, Any]] = {}
    while pending:
        name = min(pending, key=lambda module: module.count("."))
        pending.remove(name)
        module = importlib.import_module(name)
        names[name] = {}
        for public in getattr(module, "__all__", ()):
            if inspect.ismodule(value := getattr(module, public, None)) or value is None:
                pending.add(f"{name}.{public}")
            else:
                names[name][public] = value
        innermost |= {id(value): name for value in names[name].values() if callable(value)}
    for public, home in neurosim._HOME.items():
        if id(value := getattr(neurosim, public)) not in innermost:
            names.setdefault(f"neurosim.{home}", {})[public] = value
    return {
        module: [name for name, value in names[module].items() if innermost.get(id(value), module) == module]
        for module in sorted(names)
    }


def write_reference(app: Sphinx, page: str, source: list[str]) -> None:
    """Append one section per public module to the page ``api``."""
    if page != "api":
        return
    for module, names in public_names().items():
        if names:
            directive = f".. automodule:: {module}\n   :members: {', '.join(names)}\n"
            source[0] += f"\n## {module}\n\n```{{eval-rst}}\n{directive}```\n"


def escape_mathematics(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: ``*`` and ``|`` mean a product, a shape or a modulus, never markup."""
    literal: int | None = None  # indentation of the paragraph whose literal block we are in
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        if literal is not None and indent > literal:
            continue
        literal = indent if line.rstrip().endswith("::") else None
        text = line.split("``")  # every second piece is code
        text[::2] = [re.sub(r"([*|])", r"\\\1", piece) for piece in text[::2]]
        lines[number] = "``".join(text)


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", escape_mathematics, priority=400)  # before napoleon, at 500
    app.connect("source-read", write_reference)
