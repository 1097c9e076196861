"""Pairs of dumps with a known bug, on real diffusers and transformers modules: they judge `mflux parity diagnose`."""
