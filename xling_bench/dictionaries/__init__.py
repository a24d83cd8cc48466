"""Bilingual dictionaries: which word of one language translates which of another.

    lexicon.py   a dictionary out of a file, found by language, grouped by word, inverted
    muse.py      a pair of words a line: MUSE and its copies
    dsl.py       entries with mark-up: Lingvo's DSL, as Wiktionary's dictionaries are shared
    seen.py      no control characters

What reads them: code-mixed training (`training.corpora`), the logit lens and rotations (`represent`).
"""

from xling_bench.dictionaries.lexicon import Dictionary, find, inverted, read_dictionary, read_file

__all__ = ["Dictionary", "find", "inverted", "read_dictionary", "read_file"]
