"""The ``neurosim`` command: one module a verb, imported only when it is the one that was asked for.

Results go to stdout (with ``--json`` as one JSON document), progress and errors to stderr. Exit codes: 0 done, 1 a
check failed, 2 a wrong command or a wrong input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["CHECK_FAILED", "DONE", "INTERRUPTED", "VERBS", "WRONG_INPUT", "Verb", "main"]

DONE, CHECK_FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


class Verb(NamedTuple):
    """A verb of the command.

    ``module`` has ``add_arguments(parser: ArgumentParser) -> None`` and ``run(args: Namespace) -> int``, which returns
    the exit code; what is heavy it imports inside ``run``. ``help`` is one line.
    """

    module: str
    help: str


VERBS: dict[str, Verb] = {
    "demo": Verb(
        "neurosim.cli.demo.command",
        "event digits from data to three emulated chips, with a report (start here)",
    ),
    "train": Verb("neurosim.cli.train", "train a spiking classifier with delays on a data set"),
    "simulate": Verb("neurosim.cli.simulate", "run a network file on spikes"),
    "compile": Verb("neurosim.cli.compile", "compile a network file for a chip"),
    "emulate": Verb("neurosim.cli.emulate", "run a compiled build as the chip would"),
    "compare": Verb("neurosim.cli.compare", "find where two recordings part, and why"),
    "info": Verb("neurosim.cli.info", "show versions, extras and targets, or describe a file"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with ``argv`` (the process's where None) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0].startswith("-") or arguments[0] not in VERBS:
        return _top(arguments)
    name, *rest = arguments
    verb = VERBS[name]
    module = importlib.import_module(verb.module)
    parser = argparse.ArgumentParser(prog=f"neurosim {name}", description=module.__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="import this module first, e.g. of your neuron models; may be repeated",
    )
    parser.add_argument("--debug", action="store_true", help="show where an error was raised")
    return _run(module.run, parser.parse_args(rest))


def _top(arguments: list[str]) -> int:
    from neurosim import __version__

    lines = "\n".join(f"  {name:<10} {verb.help}" for name, verb in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="neurosim",
        usage="neurosim VERB [options]",
        description="Describe a spiking network once; simulate it, train it, deploy it to neuromorphic hardware.",
        epilog=f"verbs:\n{lines}\n\n'neurosim VERB --help' tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"neurosim {__version__}")
    parser.add_argument("verb", choices=list(VERBS), metavar="VERB", help=argparse.SUPPRESS)
    if not arguments:
        parser.print_help()
        return WRONG_INPUT
    parser.parse_args(arguments)  # prints help or version, or exits with an error
    return parser.error(f"put the verb first: neurosim VERB {' '.join(arguments)}")


def _one_line(message: Warning | str, *_: object, **__: object) -> None:
    print(f"neurosim: warning: {message}", file=sys.stderr)


def _import(names: Sequence[str]) -> None:
    from neurosim.errors import DescriptionError

    if names and os.getcwd() not in sys.path:  # a console script does not look there by itself
        sys.path.insert(0, os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise DescriptionError(f"cannot be imported: {error}", where="--import", value=name) from error


def _run(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    from neurosim.errors import NeurosimError

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _one_line
            _import(args.modules)
            return run(args)
    except (NeurosimError, OSError) as error:
        if args.debug:
            raise
        if isinstance(
            error, BrokenPipeError
        ):  # the reader of stdout left; nothing to say, and nowhere to say it
            sys.stderr.close()
            return DONE
        print(f"neurosim: error: {error}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("neurosim: interrupted", file=sys.stderr)
        return INTERRUPTED
