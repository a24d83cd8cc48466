"""The results table: one row per number, columns declared once."""

from __future__ import annotations

from dataclasses import dataclass

Row = dict[str, object]  # of a table, by its columns: what a DataFrame is made of


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, pandas dtype and meaning."""

    name: str
    dtype: str
    meaning: str


COLUMNS = (
    Column("model", "string", "its name: chosen, or that of its folder, its file, or on the hub"),
    Column("fingerprint", "string", "hash of the model's content; empty for plain lm_eval results"),
    Column("benchmark", "string", "benchmark key: xnli"),
    Column("language", "string", "language key, or source-target pair: de, en-de"),
    Column("family", "string", "prompt family"),
    Column("task", "string", "task name"),
    Column("split", "string", "split scored: test or dev"),
    Column("shots", "int64", "number of demonstrations"),
    Column("demos", "string", "language of demonstrations: none, same, or a language key"),
    Column("seed", "int64", "seed of the demonstrations; 0 at 0 shots"),
    Column("metric", "string", "acc, f1, ... (shares, 0 to 1) or chrf, bleu, spbleu (0 to 100)"),
    Column("value", "float64", "the score, in the metric's own range"),
    Column("n", "int64", "items scored"),
    Column("truncated", "Int64", "of these, how many lost their beginning; missing where nobody counted"),
    Column("ties", "Int64", "how many have several best candidates; missing for generation, and where nobody counted"),
    Column("provenance", "string", "the items in what was learnt: unknown, not checked, clean on record, contaminated"),
    Column("learnt", "string", "where it is contaminated, how many texts of its items, by language: de 3, en 4"),
    Column("ancestors", "string", "fingerprints of the models that this one was trained from, the nearest first"),
    Column("source", "string", "where data came from: files, hub or sample"),
    Column("harness", "string", "what ran it: xling-bench or lm_eval"),
    Column("signature", "string", "everything the number depends on, in one line"),
)
NAMES = tuple(column.name for column in COLUMNS)
# Seven more columns, never exported: Series over item ids of the items' scores, of the candidates chosen, and of the
# position of the first item of each item's cluster (None where nobody recorded it); the samples file, None where none
# was kept; the number of the path given that the row comes from; what guessing gets of these items, where the benchmark
# does not say it (`results.chance`); the names of the result's metrics that no item has a score of
ITEMS, CHOICES, CLUSTERS, SAMPLES, PATH = "items", "choices", "clusters", "samples", "path"
CHANCE = "chance"
ABSENT = "absent"
IDENTITY = "identity"  # of a row's model while rows are read: two of one name with different ones are two models
FOLDERS = "folders"  # in a table's attrs: the paths that its rows come from, by their PATH
NOTES = "notes"  # in a table's attrs: sentences on what is not there
UNEXPORTED = (ITEMS, CHOICES, CLUSTERS, SAMPLES, PATH, CHANCE, ABSENT)
CELL = ("benchmark", "language", "family", "split", "shots", "demos", "seed", "metric")
