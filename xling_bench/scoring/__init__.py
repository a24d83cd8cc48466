"""Shared-prefix log-likelihoods: what many candidates have in common is computed once."""
