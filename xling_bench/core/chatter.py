"""Silencing the chatter of the libraries below us; our own lines tell what happens."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


def quiet() -> None:
    """Keep errors, drop progress of downloads and shards, and bars where nobody watches. Call before heavy imports."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    logging.getLogger("lm_eval.models.huggingface").setLevel(logging.WARNING)  # what it says of a unit is in the result


@contextmanager
def no_bars_of(module: Any) -> Iterator[None]:
    """No bars of a library's module (its `tqdm`) where nobody watches, also in a program that imported tqdm before us:
    what `quiet` says is read only then."""
    own = module.tqdm
    if not sys.stderr.isatty():
        module.tqdm = partial(own, disable=True)
    try:
        yield
    finally:
        module.tqdm = own
