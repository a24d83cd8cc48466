"""Code that comes with a model: never run, and never asked about, unless the command says that it may run."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from xling_bench.cli.main import main
from xling_bench.core.errors import ModelError
from xling_bench.harness import reported as scoring
from xling_bench.models import encoder
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import end_token, load
from xling_bench.training.base import check_base, load_base
from xling_bench.training.lora import AdapterPart
from xling_bench.training.objective import Objective

pytestmark = pytest.mark.e2e
CODE = """
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel, PreTrainedTokenizerFast
Path({ran!r}).touch()
class OwnConfig(LlamaConfig):
    model_type = "own"
class OwnModel(LlamaModel):
    config_class = OwnConfig
class OwnForCausalLM(LlamaForCausalLM):
    config_class = OwnConfig
class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""


@pytest.fixture
def own(models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A model that has code for all of its parts, and somebody at the terminal who says yes to everything."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question="": asked.append(question) or "y")
    folder, ran = shutil.copytree(models["llama"], tmp_path / "own"), tmp_path / "ran"
    (folder / "own.py").write_text(CODE.format(ran=str(ran)), encoding="utf-8")
    parts = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel", "AutoModelForCausalLM": "own.OwnForCausalLM"}
    _change(folder / "config.json", model_type="own", architectures=["OwnForCausalLM"], auto_map=parts)
    tokenizer = {"AutoTokenizer": [None, "own.OwnTokenizer"]}
    _change(folder / "tokenizer_config.json", tokenizer_class="OwnTokenizer", auto_map=tokenizer)
    return SimpleNamespace(folder=folder, ran=ran, asked=asked)


def _change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")


def _recipe(folder: Path) -> SimpleNamespace:
    model = SimpleNamespace(path=str(folder), revision=None, untie=False, gradient_checkpointing=False)
    return SimpleNamespace(model=model, adapter=AdapterPart())


OBJECTIVE = Objective(())
LOADERS = {
    "run": lambda own, trust: load(ModelConfig(f"hf:{own.folder}", trust_remote_code=trust)),
    "run by lm-eval": lambda own, trust: load(ModelConfig(f"lm-eval-hf:{own.folder}", trust_remote_code=trust)),
    "--joiner auto": lambda own, trust: end_token(ModelConfig(f"hf:{own.folder}", trust_remote_code=trust)),
    "tokens of candidates": lambda own, trust: scoring._tokenizer(str(own.folder), "main", trust),
    "train's plan": lambda own, trust: check_base(_recipe(own.folder), OBJECTIVE, trust_remote_code=trust),
    "train": lambda own, trust: load_base(_recipe(own.folder), None, trust_remote_code=trust),
}


@pytest.mark.parametrize("loader", LOADERS)
def test_no_loader_asks_and_the_option_reaches_all_of_them(own: SimpleNamespace, loader: str) -> None:
    with pytest.raises(ModelError, match="needs code of its own, which was not run"):
        LOADERS[loader](own, False)
    assert not own.ran.exists()
    if loader != "train's plan":  # there the objective here is none
        LOADERS[loader](own, True)
        assert own.ran.exists()
    assert own.asked == []


def test_an_encoders_own_code_is_never_run(own: SimpleNamespace) -> None:
    with pytest.raises(ModelError, match="An encoder's own code is never run"):
        encoder._encoder(str(own.folder), "cpu")
    assert (own.ran.exists(), own.asked) == (False, [])


def test_the_doctor_finds_what_a_run_would_refuse(own: SimpleNamespace, sample_data, capsys) -> None:
    doctor = ["doctor", "--model", f"hf:{own.folder}"]
    assert main(doctor) == 2
    assert "needs code of its own, which was not run" in capsys.readouterr().out
    assert (own.ran.exists(), own.asked) == (False, [])
    assert main([*doctor, "--trust-remote-code"]) == 0
    assert (own.ran.exists(), own.asked) == (True, [])


def test_the_doctor_knows_a_model_that_is_no_language_model(models, sample_data, tmp_path: Path, capsys) -> None:
    folder = shutil.copytree(models["llama"], tmp_path / "model")
    _change(folder / "config.json", model_type="vit")
    assert main(["doctor", "--model", f"hf:{folder}"]) == 2
    assert "'vit' is no language model that transformers knows" in capsys.readouterr().out
