"""Every loss moves what it is meant to move, in 30 updates, by more than three seeds differ (tests/learning.py)."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from learning import HEADER, QUANTITIES, Bench, Row

from xling_bench.training.losses import LOSSES
from xling_bench.training.recipe import named

ALONE = {  # a method that has the loss, without those that it can do without
    "contrastive": ("mcl", ()),
    "instruction": ("cif", ()),
    "kl_to_base": ("kl", ("method.contrastive_weight=0",)),
    "l2_to_base": ("l2", ("method.instruction_weight=0",)),
    "labse": ("labse", ("method.instruction_weight=0",)),
    "momentum": ("infoxlm", ("method.instruction_weight=0",)),
    "distillation": ("msbert", ("method.instruction_weight=0",)),
    "transport": ("wordot", ("method.instruction_weight=0",)),
    "word_alignment": ("wu-dredze", ("method.instruction_weight=0",)),
    "xeroalign": ("xeroalign", ("method.instruction_weight=0",)),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = os.environ.get("XLING_DATA_DIR")
    return Bench(tmp_path_factory.mktemp("learning"), Path(root) if root else None)


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[Row]]:
    """Printed when all have been tried."""
    rows: list[Row] = []
    yield rows
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        sys.stdout.write("\n".join(["", HEADER, *map(str, rows), ""]))


def test_every_loss_has_a_quantity_and_every_method_is_of_such_losses(bench: Bench) -> None:
    assert {loss.name for loss in LOSSES} == QUANTITIES.keys() == ALONE.keys()
    for method in named()["method"]:
        assert bench.recipe(method).method.objective().active


@pytest.mark.parametrize("loss", ALONE)
def test_a_loss_moves_what_it_is_meant_to(bench: Bench, table: list[Row], loss: str) -> None:
    method, settings = ALONE[loss]
    found = bench.rows(method, 30, *settings, "run.length=64")
    table += found
    assert loss in {row.loss for row in found}
    assert [str(row) for row in found if not row.moved] == []
