"""Triton kernels behind the operators."""

try:
    import triton as _triton  # noqa: F401
except ImportError as _error:
    from neurosim.errors import MissingExtraError

    raise MissingExtraError("triton", "train", _error) from _error
