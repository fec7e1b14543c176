"""The chain of passes: lower, legalise, retime, then the target's own quantise, partition, place and emit."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from numpy.typing import ArrayLike

import neurosim
from neurosim.engine.inputs import checked_inputs
from neurosim.engine.lower import lower
from neurosim.errors import DescriptionError
from neurosim.hardware.compiler.legalise import legalise
from neurosim.hardware.compiler.retime import retime
from neurosim.hardware.target import Build, Target, with_losses
from neurosim.loss_report import LossKind
from neurosim.network import Network
from neurosim.spikes import Spikes

__all__ = ["compile_network"]


def compile_network(
    net: Network,
    target: Target,
    *,
    calibration: Mapping[str, Spikes | ArrayLike] | None = None,
    allow: Collection[LossKind] = (LossKind.ROUNDED, LossKind.APPROXIMATED),
) -> Build:
    """Compile a network for a target. Nothing is written until `Build.save`.

    Args:
        calibration: typical inputs, by name; targets choose ranges and scales from them.
        allow: kinds of losses that are acceptable.

    Raises:
        DescriptionError: the target is a class or a name.
        UnsupportedError: the target cannot do something; names it and what to change.
        CapacityError: the network does not fit; names the limit, the offender and by how much.
        CycleError: a cycle of delays too short for the machine's transport.
        LossError: a loss of a kind that was not allowed.
    """
    from neurosim.network_file import network_hash

    if isinstance(target, (str, type)):
        raise DescriptionError(
            "is not a target", where="compile", value=repr(target), remedy="Pass e.g. hardware.Loihi1()"
        )
    plan = lower(net)
    approximations = legalise(plan, target)
    retimed, lag, startup = retime(plan, target.transport)
    (approximations + startup).require(allow)
    given = checked_inputs(calibration, plan.inputs, plan.dt) if calibration is not None else None
    build = target.map(retimed, lag, given)
    build = with_losses(build, approximations + startup, network_hash(net), neurosim.__version__)
    build.losses.require(allow)
    return build
