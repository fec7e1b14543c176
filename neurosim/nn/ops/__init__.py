"""Operators with their own backward pass; each picks the kernel for the device its tensors lie on."""
