"""The frame around the verbs: help, exit codes, errors."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
import warnings

import pytest

from neurosim import cli
from neurosim.errors import DataError

HEAVY = ("numpy", "numba", "torch", "h5py", "matplotlib", "scipy")


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_help_names_every_verb_and_is_fast(capsys) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert all(name in text and verb.help in text for name, verb in cli.VERBS.items())
    code = "import sys\nfrom neurosim.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    loaded = run_python(code + f"print([m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded.splitlines()[-1] == "[]"
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        run_python(code)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


@pytest.mark.parametrize("verb", cli.VERBS)
def test_help_of_a_verb_imports_nothing_heavy(verb: str) -> None:
    code = (
        "import sys\nfrom neurosim.cli import main\n"
        f"try: main([{verb!r}, '--help'])\nexcept SystemExit as e: print(e.code)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], [m for m in sys.modules if m.startswith('neurosim.cli.')])"
    )
    *_, status, last = run_python(code).splitlines()
    assert status == "0"
    assert last.startswith("[] ")
    assert f"neurosim.cli.{verb}" in last


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["--what"], ["info", "--what"], ["compile"]])
def test_wrong_commands_exit_with_2(arguments: list[str], capsys) -> None:
    try:
        code = cli.main(arguments)
    except SystemExit as left:
        code = left.code
    assert code == cli.WRONG_INPUT


def test_version(capsys) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.startswith("neurosim ")


class Failing:
    """A verb that raises what it is told to."""

    error: BaseException = RuntimeError()

    @staticmethod
    def add_arguments(parser) -> None: ...

    @classmethod
    def run(cls, args) -> int:
        raise cls.error


@pytest.fixture
def failing(monkeypatch):
    monkeypatch.setitem(cli.VERBS, "fail", cli.Verb("failing", "fails"))
    monkeypatch.setattr(importlib, "import_module", lambda name: Failing)
    return Failing


def test_errors_of_the_user_are_one_line_without_traceback(failing, capsys) -> None:
    failing.error = DataError("is wrong", where="here", value=3, limit=2, remedy="Do that")
    assert cli.main(["fail"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "neurosim: error: here: is wrong (got 3; allowed: 2). Do that\n"
    assert captured.out == ""
    with pytest.raises(DataError):
        cli.main(["fail", "--debug"])


def test_faults_of_the_program_are_not_hidden(failing) -> None:
    failing.error = RuntimeError("a fault")
    with pytest.raises(RuntimeError):
        cli.main(["fail"])


def test_warnings_are_one_line(failing, capsys, monkeypatch) -> None:
    monkeypatch.setattr(
        failing,
        "run",
        staticmethod(lambda args: warnings.warn("mind this", RuntimeWarning, stacklevel=1) or 0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert cli.main(["fail"]) == 0
    assert capsys.readouterr().err == "neurosim: warning: mind this\n"


def test_a_reader_that_leaves_and_an_interrupt(failing, capsys, monkeypatch) -> None:
    failing.error = KeyboardInterrupt()
    assert cli.main(["fail"]) == 130
    monkeypatch.setattr(sys, "stderr", open("/dev/null", "w"))  # noqa: SIM115
    failing.error = BrokenPipeError()
    assert cli.main(["fail"]) == 0


def test_a_module_of_the_users_own_is_imported_first(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "own_models_of_this_test.py").write_text("import builtins\nbuiltins.seen_by_this_test = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert cli.main(["info", "--import", "own_models_of_this_test"]) == 0
    import builtins

    assert builtins.seen_by_this_test == 1
    del builtins.seen_by_this_test, sys.modules["own_models_of_this_test"]
    assert cli.main(["info", "--import", "no_such_module_of_this_test"]) == 2
    assert "--import: cannot be imported" in capsys.readouterr().err
