from __future__ import annotations

from neurosim.hardware.compiler import compile_network
from neurosim.hardware.crossbar import Crossbar
from neurosim.loss_report import LossKind


def test_the_report_names_tiles_conductances_and_errors(layered):
    build = compile_network(layered(), Crossbar())
    used = {u.resource: u for u in build.usage}
    assert used["tiles"].used == len(build.layout) == sum(name.endswith(".csv") for name in build.files)
    assert used["cells programmed"].used == 2 * (30 * 20 + 20 * 20 + 20 * 5)
    assert {loss.kind for loss in build.losses} == {LossKind.APPROXIMATED, LossKind.ROUNDED}
    assert "in->hidden" in build.report()
    assert "rram-wan-1d" in build.report()
    assert all(0 < site.load <= 1 for site in build.layout)
