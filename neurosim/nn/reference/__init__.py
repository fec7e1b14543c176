"""Every operator in plain PyTorch, differentiated by autograd: slow, and what the kernels are tested against."""
