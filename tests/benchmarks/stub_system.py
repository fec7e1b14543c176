"""A system for tests of the machinery: it runs nothing and does what its options say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.case import Case
from benchmarks.runner import Run


def build(case: Case, options: Mapping[str, Any]) -> _Stub:
    """``options["fails"]``: "missing", "build", "run", "finish" or "dies"."""
    if options.get("fails") == "missing":
        import a_package_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401
    if options.get("fails") == "build":
        raise ValueError("no such network")
    return _Stub(case, options)


class _Stub:
    def __init__(self, case: Case, options: Mapping[str, Any]) -> None:
        self.case, self.options = case, options
        self.version, self.synapses = "1.2", case.synapses
        self.runs = 0

    def run(self) -> Run:
        print("systems may print what they like")
        if self.options.get("fails") == "run":
            raise RuntimeError("blew up")
        if self.options.get("fails") == "dies":
            raise SystemExit(3)
        self.runs += 1
        seconds = self.options.get("seconds", 0.5) * self.runs
        parts = {name: share * seconds for name, share in self.options.get("parts", {}).items()}
        return Run(seconds=seconds, spikes=100 + self.runs, parts=parts)

    def finish(self) -> dict[str, Any]:
        return {
            "memory": 2**20,
            **self.options.get("fields", {}),
            "note": f"{self.options['threads']} thread(s), {self.runs} runs",
        }
