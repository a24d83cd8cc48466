"""What somebody sets and nothing would use is refused; what a mode, a method or the data set beside it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
import training_recipe

from xling_bench.core.errors import DeclarationError
from xling_bench.training.recipe import named, resolve

IDLE = [
    ("", ("method.labse_margin=0.5",), "method.labse_margin is set, but the labse loss has no weight"),
    ("", ("method.momentum_queue=5",), "Set method.momentum_weight, or leave it out"),
    ("", ("method.distillation_teacher=/nope",), "the distillation loss has no weight"),
    ("cif", ("method.layer=2",), "method.layer is set, but the contrastive loss has no weight"),
    ("", ("data.dictionaries.de=x.txt",), "nothing reads it: that needs data.mix or method.word_alignment_weight"),
    ("cao", ("data.dictionaries.fr=x.txt",), "the languages beside the pivot, en, are de"),
    ("commit", ("data.dictionaries.en=x.txt",), "data.dictionaries.en is set, but nothing reads it"),
    ("", ("data.mix.rate=0.9", "method.instruction_weight=0"), "data.mix is set, but no loss learns from"),
    ("", ("alignment.limit=9",), "nothing uses it without alignment.every"),
    ("", ("alignment.every=2", "alignment.word_limit=9"), "nothing uses it without alignment.words"),
    ("", ("evaluate.limit=9",), "nothing uses it without evaluate.every"),
    ("", ("stop.patience=9",), "nothing uses it without stop.by"),
    ("", ("adapter.rank=9",), "nothing uses it without adapter.kind"),
]
USED = [
    ("labse", ("method.labse_margin=0.5",)),
    ("", ("method.labse_weight=0.0", "method.labse_margin=0.5")),  # a grid's point without it
    ("cao", ("data.dictionaries.de=x.txt",)),
    ("commit", ("data.dictionaries.German=x.txt",)),
    ("", ("data.mix.rate=0.9", "method.instruction_weight=0", "method.kl_to_base_weight=1")),
    ("", ("alignment.every=0", "alignment.limit=9")),
    ("afp-code", ("method.contrastive_weight=0", "method.learn=text")),
]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return training_recipe.write(tmp_path, tmp_path / "base")


def with_method(recipe: Path, method: str, more: str = "") -> str:
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text((f'method = "{method}"\n' if method else "") + text + more, encoding="utf-8")
    return str(recipe)


@pytest.mark.parametrize(("method", "settings", "said"), IDLE)
def test_what_nothing_would_use_is_refused(recipe: Path, method: str, settings: tuple[str, ...], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        resolve(with_method(recipe, method), settings)


@pytest.mark.parametrize(("method", "settings"), USED)
def test_what_is_used_or_switched_off_by_name_is_not(recipe: Path, method: str, settings: tuple[str, ...]) -> None:
    assert resolve(with_method(recipe, method), settings).name == "tiny"


@pytest.mark.parametrize("method", sorted(named()["method"]))
def test_methods_and_data_may_say_more_than_a_run_uses(recipe: Path, method: str) -> None:
    """Dictionaries of languages that are not asked for, and of methods that mix nothing."""
    data = "open-el-hi-th" if method != "bpre" else "commit"
    assert resolve(f"gemma-3-270m/{data}/{method}", ['data.languages=["en","el"]']).method


def test_a_files_settings_may_be_switched_off_later(recipe: Path) -> None:
    """To leave one thing out of a whole recipe. What is set later than the switch is refused."""
    tables = """
[method]
labse_weight = 1.0
labse_margin = 0.2
word_alignment_weight = 1.0
[data.dictionaries]
de = "x.txt"
[data.mix]
rate = 0.5
"""
    path = with_method(recipe, "", tables)
    off = ("method.labse_weight=0", "method.word_alignment_weight=0", "method.instruction_weight=0")
    assert resolve(path).data.dictionaries == {"de": "x.txt"}
    assert resolve(path, off)
    assert resolve(path, ('data.languages=["en","fr"]', "method.word_alignment_weight=0"))
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("labse_weight = 1.0", "labse_weight = 0.0"))
    with pytest.raises(DeclarationError, match="labse_margin is set"):
        resolve(path, ("method.labse_margin=0.5",))
