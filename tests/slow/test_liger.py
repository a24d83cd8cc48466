"""Liger's kernel gives torch's loss and gradients. Needs `pip install '.[liger]'`; without a GPU it is interpreted."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("liger_kernel") is None, reason="liger-kernel is not installed"),
]
PROGRAM = """
import torch
from xling_bench.scoring.head import Head
from xling_bench.training.kernels import kernel
from xling_bench.training.token_losses import token_losses

device = "cuda" if torch.cuda.is_available() else "cpu"
for bias, scale in ((False, None), (True, None), (True, 0.3)):
    for half, tolerance in ((False, 1e-5), (True, 2e-2)):
        found = []
        for fused in (None, kernel("liger")):
            torch.manual_seed(0)
            states = torch.randn(21, 16).to(device).requires_grad_()
            head = Head(torch.nn.Linear(16, 37, bias=bias).to(device), None, scale)
            with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
                loss = token_losses(states, torch.arange(21, device=device), head, kernel=fused, chunk=8)
            (2 * loss).backward()
            found.append([loss.detach(), states.grad, *(p.grad for p in head.layer.parameters())])
        for ours, theirs in zip(*found, strict=True):
            assert ours.dtype == theirs.dtype == torch.float32
            assert float((ours - theirs).norm()) <= tolerance * float(ours.norm())
print("equal")
"""


def test_liger_agrees_with_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "equal", done.stderr
