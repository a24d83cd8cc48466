"""Code-mixing made ready: dictionaries and segmenters of a configuration, and what they do to its texts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xling_bench.benchmarks.rows import rows_hash
from xling_bench.benchmarks.textfiles import locate
from xling_bench.core import languages
from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.dictionaries import Dictionary, find, inverted, read_file
from xling_bench.metrics.packages import require
from xling_bench.metrics.segment import SEGMENTERS, Split, dictionary_segmenter, segmenter_name
from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.data_report import MixedLanguage, Mixing
from xling_bench.training.corpora.instructions import shown
from xling_bench.training.corpora.mixing import Counts, Mixer, Words
from xling_bench.training.corpora.streams import InstructionStream

DRAWS = 2000  # of the first epoch that the report looks at


def mixer_of(config: DataConfig, root: Path, seed: int) -> Mixer | None:
    """What mixes a configuration's texts; None where it says nothing of it.

    Raises MissingDataError for a dictionary that is not there, DataError for a file that is none, UsageError for
    a language without spaces that nothing parts into words, MissingPackageError where what parts it is not installed.
    """
    if config.mix is None:
        return None
    words: dict[str, Words] = {}
    for key, path in dictionary_files(config, root, config.mixed_languages).items():
        mixed = config.pivot if config.mix.direction == "from-pivot" else key
        words[key] = Words(_dictionary(config, path, key), _split(mixed) if config.mix.segment else None)
    return Mixer(config.mix, config.pivot, words, config.mix.weights or dict.fromkeys(words, 1.0), seed)


def mixing_report(config: DataConfig, root: Path, mixer: Mixer, stream: InstructionStream) -> Mixing:
    """What the mixer does to the first draws of an epoch, by language.

    Raises DataError where there is nothing to mix, or no word of a language's texts is in the dictionary.
    """
    counts: dict[str, Counts] = {}
    draws = min(DRAWS, len(stream))
    for i in range(draws):
        mixer.instruction(stream.draft(i), i, counts)
    if not any(found.words for found in counts.values()):
        raise DataError(
            f"data.mix: none of the first {draws} texts can be mixed {mixer.config.direction.replace('-', ' ')} "
            f"({config.pivot}), of {', '.join(mixer.config.uses)}; change `direction` or `uses`, or add such texts."
        )
    told: dict[str, MixedLanguage] = {}
    for key, words in mixer.words.items():
        found, path = counts.get(key, Counts()), dictionary_file(config, root, key)
        if found.words and not found.known:
            first, last = (config.pivot, key) if mixer.config.direction == "from-pivot" else (key, config.pivot)
            raise DataError(
                f"{path}: none of {found.words:,} words of the texts is in the dictionary from {first} to {last}. Is "
                f"it of these languages? Whose words stand first in its lines? (data.dictionaries_from is "
                f"{config.dictionaries_from!r})"
            )
        dictionary = words.dictionary
        told[key] = {
            "file": shown([path], root)[0],
            "hash": rows_hash({"word": word, "translations": list(each)} for word, each in dictionary.items()),
            "entries": len(dictionary),
            "pairs": sum(map(len, dictionary.values())),
            "same": sum(word in each for word, each in dictionary.items()),
            "segmenter": segmenter_name(_mixed_in(config, key)) if words.split else "white space",
            "words": found.words,
            "known": found.known,
            "replaced": found.replaced,
            "changed": found.changed,
        }
    return {"rate": mixer.config.rate, "draws": draws, "languages": told}


def _mixed_in(config: DataConfig, key: str) -> str:
    return config.pivot if config.mix is not None and config.mix.direction == "from-pivot" else key


def dictionary_file(config: DataConfig, root: Path, key: str) -> Path:
    """The file that a configuration names for a language, or the one that is found from English."""
    if key in config.dictionaries:
        return locate(root, [config.dictionaries[key]])
    if config.pivot != "en":
        raise UsageError(f"data.dictionaries: they are looked for from English, and the pivot is {config.pivot}; "
                         f"name them: data.dictionaries.{key} = FILE.")  # fmt: skip
    return find(root, key)


def dictionary_files(config: DataConfig, root: Path, keys: Iterable[str]) -> dict[str, Path]:
    """`dictionary_file` of several languages. Raises MissingDataError naming all that are not there."""
    found: dict[str, Path] = {}
    gone = []
    for key in keys:
        try:
            found[key] = dictionary_file(config, root, key)
        except MissingDataError as error:
            gone.append(str(error))
    if gone:
        raise MissingDataError("\n".join(gone))
    return found


def _dictionary(config: DataConfig, path: Path, key: str) -> Dictionary:
    dictionary = read_file(path)
    wants_pivot_first = config.mix is not None and config.mix.direction == "from-pivot"
    has_pivot_first = key not in config.dictionaries or config.dictionaries_from == "pivot"
    return dictionary if wants_pivot_first == has_pivot_first else inverted(dictionary)


def _split(key: str) -> Split | None:
    """What parts a language's texts into words; None where spaces do."""
    language = languages.get(key)
    if language.spaces:
        return None
    if not SEGMENTERS.get(key):
        known = ", ".join(name for name, needed in SEGMENTERS.items() if needed)
        raise UsageError(
            f"data.mix: words of {language.name} are not parted by spaces, and there is no segmenter for it (there is "
            f"for {known}); data.mix.segment = false mixes what white space parts."
        )
    require(SEGMENTERS[key], "rouge", f"code-mixing texts in {language.name}")
    return dictionary_segmenter(key)
