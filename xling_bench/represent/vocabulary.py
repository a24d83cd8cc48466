"""What a tokenizer's tokens spell, byte by byte: which of them a word can begin with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from xling_bench.core.errors import UnsupportedModelError

BYTE = re.compile(r"<0x([0-9A-F]{2})>")  # a byte of SentencePiece
SPACE = "▁"


class Vocabulary:
    """All tokens but special ones by the bytes that they spell, for tokenizers by bytes (GPT-2's, Llama 3's) and by
    pieces (SentencePiece's). Raises UnsupportedModelError where nothing is known of the tokenizer's pieces."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise UnsupportedModelError(f"model {name}: what its tokens spell is not known "
                                        f"({type(tokenizer).__name__}); leave out --latent.")  # fmt: skip
        by_bytes = "ByteLevel" in f"{backend.decoder} {backend.pre_tokenizer}"
        letters = _byte_letters() if by_bytes else None
        special = set(tokenizer.all_special_ids)
        vocabulary = {number: token for token, number in tokenizer.get_vocab().items() if number not in special}
        self.tokenizer = tokenizer
        self.spelled = {number: _spelled(vocabulary[number], letters) for number in sorted(vocabulary)}
        self.numbers: dict[bytes, list[int]] = {}
        for number, spelled in self.spelled.items():
            self.numbers.setdefault(spelled, []).append(number)

    def starting(self, words: Iterable[str]) -> list[int]:
        """The tokens that one of the words may begin with: those that spell its beginning, of one byte or more, up to
        the whole word, with or without a space before (Wendler et al.'s candidates: they count letters, and the first
        byte).

        A tokenizer that writes a word in another way (Unicode's compatibility forms) has its own spelling counted, too.
        """
        spellings = set()
        for word in words:
            tokens = self.tokenizer(word, add_special_tokens=False)["input_ids"]
            spellings |= {word.encode(), b"".join(self.spelled.get(token, b"") for token in tokens).lstrip(b" ")}
        found: set[int] = set()
        for spelling in spellings:
            for end in range(1, len(spelling) + 1):
                for before in (b"", b" "):
                    found.update(self.numbers.get(before + spelling[:end], ()))
        return sorted(found)


def _spelled(token: str, letters: Mapping[str, int] | None) -> bytes:
    if letters is not None:
        if all(letter in letters for letter in token):
            return bytes(letters[letter] for letter in token)
        return token.encode()  # added beside the bytes
    if single := BYTE.fullmatch(token):
        return bytes([int(single[1], 16)])
    return token.replace(SPACE, " ").encode()


def _byte_letters() -> dict[str, int]:
    """The letter that stands for each byte in vocabularies by bytes: itself where it can be seen, else one from U+0100
    on, in order (GPT-2's `bytes_to_unicode`)."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(0x100 + at): byte for at, byte in enumerate(hidden)}
