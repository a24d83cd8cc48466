"""A tiny COMET checkpoint with random weights, which says so: a RegressionMetric on XLM-R, in COMET's own layout.

`python tinycomet.py FOLDER`, by COMET's own Python: only its libraries write such a file.
"""

from __future__ import annotations

import sys
from pathlib import Path

WORDS = 400  # pieces: letters of many scripts fall to <unk>, which costs a random model nothing


def tokenizer(folder: Path, texts: list[str]) -> None:
    """A Unigram tokenizer, as XLM-R has: one by BPE loads in transformers 4 and not in 5."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import XLMRobertaTokenizerFast

    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=WORDS, special_tokens=special, unk_token="<unk>")  # noqa: S106
    made.train_from_iterator(texts, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    XLMRobertaTokenizerFast(tokenizer_object=made).save_pretrained(folder)


def make(folder: Path, texts: list[str]) -> Path:
    """Write the checkpoint. Weights are larger than usual, so that scores differ between segments."""
    import torch
    import yaml
    from comet.models import RegressionMetric
    from transformers import XLMRobertaConfig

    encoder = folder / "encoder"
    tokenizer(encoder, texts)
    config = XLMRobertaConfig(vocab_size=WORDS + 10, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                              intermediate_size=64, max_position_embeddings=514, type_vocab_size=1)  # fmt: skip
    config.save_pretrained(encoder)
    torch.manual_seed(0)
    settings = {"pretrained_model": str(encoder), "encoder_model": "XLM-RoBERTa", "hidden_sizes": [64, 32],
                "layer_transformation": "sparsemax", "validation_data": ["none"], "train_data": ["none"]}  # fmt: skip
    model = RegressionMetric(**settings, load_pretrained_weights=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0) if parameter.dim() > 1 else None
    (folder / "checkpoints").mkdir()
    import pytorch_lightning

    stored = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams),
              "pytorch-lightning_version": pytorch_lightning.__version__}  # fmt: skip
    torch.save(stored, folder / "checkpoints" / "model.ckpt")
    hparams = {"class_identifier": "regression_metric", **settings}
    (folder / "hparams.yaml").write_text(yaml.safe_dump(hparams), encoding="utf-8")
    (folder / "RANDOM_WEIGHTS").write_text("made for tests\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8").splitlines())
