"""The documentation holds: its Python runs, its commands run, and it builds without a warning.

The blocks of one page share a namespace and an empty folder, and run in the order in which they stand. A block that
cannot run says why, in a comment on the line above it: ``<!-- not run: needs a SpiNNaker board -->``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n+)?```(?P<language>python|sh)\n(?P<code>.*?)^```$",
    re.M | re.S,
)
# The README's first two commands set up an environment and run the demo or these tests: too much for a test.
SET_UP = 2


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    code: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that must run."""
    text = page.read_text()
    found = []
    shell_blocks = 0
    for match in FENCE.finditer(text):
        shell_blocks += match["language"] == "sh"
        if match["reason"] or (
            page.name == "README.md" and match["language"] == "sh" and shell_blocks <= SET_UP
        ):
            continue
        line = text.count("\n", 0, match.start("code"))
        found.append(Block(page, line, match["language"], match["code"]))
    return found


PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if blocks(page)]


def run_shell(block: Block) -> None:
    """Run a block as a user would, with this environment's commands first in the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", block.code]
    result = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    where = f"{block.page.relative_to(ROOT)}:{block.line + 1}"
    assert result.returncode == 0, f"{where}\n{block.code}\n{result.stdout}{result.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(sys, "path", sys.path[:])  # pages that add "." each mean their own folder
    sys.path_importer_cache.pop(".", None)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "sh":
            run_shell(block)
        else:
            code = "\n" * block.line + block.code  # a traceback then names the line of the page
            exec(compile(code, str(page), "exec"), namespace)


TEXTS = (*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")))


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Files and sections that a page links to exist; the web is not asked."""
    for target, section in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        headings = re.findall(r"^#+ (.+)$", file.read_text(), re.M) if section else []
        anchors = [re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings]
        assert not section or section in anchors, f"{page.name} links to section {section} of {file.name}"


def test_readme_begins_with_the_two_commands() -> None:
    """One line sets up and runs the demo, one sets up and runs the tests; each can be pasted as it stands."""
    demo, tests = (match["code"] for match in list(FENCE.finditer((ROOT / "README.md").read_text()))[:SET_UP])
    assert demo.count("\n") == tests.count("\n") == 1
    assert "neurosim demo" in demo
    assert "pytest" in tests
    # They set up in the same way, so that running one after the other works.
    assert demo.split(" && ")[0] == tests.split(" && ")[0]


def test_blocks_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    python, excluded, text, shell = (
        "```python\na = 1\n```\n",
        "<!-- not run: no board -->\n```sh\nfalse\n```\n",
        "```text\nfalse\n```\n",
        "```sh\ntrue\n```\n",
    )
    page.write_text(python + excluded + text + shell)
    assert [(b.line, b.language, b.code) for b in blocks(page)] == [
        (1, "python", "a = 1\n"),
        (11, "sh", "true\n"),
    ]


@pytest.mark.slow
def test_documentation_builds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(tmp_path / "cache")]
    result = subprocess.run(
        [*command, str(ROOT / "docs"), str(tmp_path / "html")], capture_output=True, text=True
    )
    if result.returncode:
        pytest.fail(result.stdout + result.stderr, pytrace=False)
    assert (tmp_path / "html" / "index.html").is_file()
