"""Decoding steps in a few kernels of our own, for GPUs."""
