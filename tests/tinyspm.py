"""SentencePiece models made on the spot: a tiny one, and one as large as flores101's, at another's expense."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory


@cache
def tiny_spm() -> bytes:
    """A model of 80 pieces: a substitute that must never pass as an official file."""
    from sentencepiece import SentencePieceTrainer

    lines = [f"The ferry number {i} stops in the fog on Monday. 東京の大学 {i}" for i in range(200)]
    with TemporaryDirectory() as folder:
        text, model = Path(folder, "text.txt"), Path(folder, "m")
        text.write_text("\n".join(lines), encoding="utf-8")
        SentencePieceTrainer.train(input=str(text), model_prefix=str(model), vocab_size=80, minloglevel=2)
        return model.with_suffix(".model").read_bytes()


@cache
def large_spm() -> bytes:
    """The tiny model with unused pieces up to 256,000: protocol buffers that follow each other are merged."""
    return tiny_spm() + b"".join(_piece(f"\u2581zq{i}".encode()) for i in range(256_000 - 80))


def _piece(text: bytes) -> bytes:
    body = b"\x0a" + bytes([len(text)]) + text + b"\x15\x00\x00\x20\xc1"  # piece, score -10
    return b"\x0a" + bytes([len(body)]) + body
