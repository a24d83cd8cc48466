"""The record of a model's trainings: what is written is read, what is damaged is refused, what follows is inherited."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import BASE, contaminated, record, training

from xling_bench.core.errors import DataError, ModelError
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint
from xling_bench.models.history import lineage_of
from xling_bench.results.lineage import FILE, Lineage, Standing, parsed, read_lineage
from xling_bench.results.marks import provenance_of
from xling_bench.training.provenance import write_beside

HOSTILE = "e\n| X | Y |\n<script>alert(1)</script>"
POLICIES = st.sampled_from(["refuse", "drop", "allow", "unchecked"])
FOUND = st.dictionaries(st.sampled_from(["en", "de", "sw"]), st.just({"test": 3}), max_size=3)
TRAININGS = st.builds(lambda policy, found: contaminated(policy, **found), POLICIES, FOUND)


@given(st.lists(TRAININGS, min_size=1, max_size=3))
def test_what_is_written_is_read(tmp_path_factory, trainings) -> None:
    folder = tmp_path_factory.mktemp("model")
    written = record(folder, *trainings)
    found = read_lineage(folder / FILE)
    assert found == written
    assert (found.text, found.hash) == (written.text, written.hash)
    assert read_lineage(folder / "none.json") is None


@given(st.lists(TRAININGS, min_size=1, max_size=3), TRAININGS, st.sampled_from(["en", "de", "sw"]))
def test_what_is_trained_from_a_model_inherits_what_it_learnt(before, more, unit) -> None:
    base = Lineage(tuple(before))
    mine, theirs = base.then(more).standing("xnli", unit, "test"), base.standing("xnli", unit, "test")
    assert mine.texts.keys() >= theirs.texts.keys()
    assert all(mine.texts[language] >= count for language, count in theirs.texts.items())
    if theirs.state == "contaminated":
        assert mine.state == "contaminated"
    if mine.state == "clean on record":
        assert theirs.state == "clean on record"


@pytest.mark.parametrize(
    ("made", "benchmark", "unit", "split", "state"),
    [
        (contaminated(), "xnli", "en", "test", "contaminated"),
        (contaminated(), "xnli", "sw", "test", "contaminated"),  # parallel: the translation tells as much
        (contaminated(de={"dev": 3}), "xnli", "de", "dev", "contaminated"),
        (contaminated(de={"dev": 3}), "xnli", "de", "test", "clean on record"),
        (contaminated("drop"), "xnli", "en", "test", "clean on record"),
        (training(), "xnli", "de", "test", "clean on record"),
        (training(), "xnli", "sw", "test", "clean on record"),  # the data have no Swahili
        (training(), "xnli", "de", "dev", "not checked"),
        (training(), "xcopa", "sw", "test", "not checked"),
        (training(policy="unchecked", overlaps={}), "xnli", "de", "test", "not checked"),
        (training(overlaps={"xnli": {"checked": {"de test": 9}, "missing": ["en test"], "found": {}}}),
         "xnli", "de", "test", "not checked"),
        (training(overlaps={"indicqa": {"checked": {"hi test": 9}, "missing": ["ta test"], "found": {}}},
                  languages=["en", "hi", "ta"]), "indicqa", "hi", "test", "clean on record"),
        (training(policy="allow", overlaps={"indicqa": {"checked": {}, "missing": [], "found": {"hi": {"test": 1}}}}),
         "indicqa", "ta", "test", "not checked"),  # not parallel: Hindi items are others
        (training(policy="allow", overlaps={"flores": {"checked": {}, "missing": [], "found": {"de": {"test": 1}}}}),
         "flores", "en-de", "test", "contaminated"),
    ],
)  # fmt: skip
def test_how_items_stand_to_what_was_learnt(made, benchmark, unit, split, state) -> None:
    assert Lineage((made,)).standing(benchmark, unit, split).state == state


def test_a_copy_without_the_file_is_named_as_one_of_which_nothing_is_known() -> None:
    """What is trained from it looks as what is trained from a first base: neither is called clean without more."""
    base = {"name": "copy", "fingerprint": BASE, "revision": None, "on_record": False}
    lineage = Lineage((training(base=base),))
    assert lineage.unrecorded == ("copy",)
    assert "nothing is on record of copy" in provenance_of(lineage)
    assert lineage.standing("xnli", "de", "test").state == "clean on record"
    later = lineage.then(training(base=base | {"name": "tuned", "on_record": True}))
    assert later.unrecorded == ("copy",)


def test_what_a_teacher_learnt_counts_and_one_without_a_record_is_named() -> None:
    known = {"name": "taught", "fingerprint": BASE, "trainings": [contaminated().model_dump()]}
    once = Lineage((training(teachers=[known]),))
    twice = Lineage((training(teachers=[known | {"trainings": [once.trainings[0].model_dump()]}]),))
    for lineage in (once, twice, once.then(training(teachers=[known]))):  # what two teachers have stands once
        found = lineage.standing("xnli", "sw", "test")
        assert (found.state, found.texts) == ("contaminated", {"en": 134})
        assert lineage.contaminated == {"xnli": {"en": 134}}
        assert "taught by taught" in provenance_of(lineage)
        assert parsed(lineage.text, "here") == lineage
    unchecked = known | {"trainings": [training(policy="unchecked", overlaps={}).model_dump()]}
    assert Lineage((training(teachers=[unchecked]),)).standing("xnli", "de", "test").state == "not checked"
    unknown = Lineage((training(teachers=[known | {"trainings": []}]),))
    assert unknown.unrecorded == ("base", "taught")
    assert "nothing is on record of base, taught" in provenance_of(unknown)


def test_what_is_learnt_of_several_splits_is_told_by_split() -> None:
    lineage = Lineage((contaminated(en={"test": 3, "dev": 3}), contaminated(en={"dev": 1})))
    assert lineage.contaminated == {"xnli": {"en": 3, "en dev": 4}}
    assert "XNLI (en 3, en dev 4)" in provenance_of(lineage)


@pytest.mark.parametrize("state", ["known", "none"])
def test_a_standing_is_read_as_it_was_written(state) -> None:
    found = Lineage((contaminated(),)).standing("xnli", "de", "test") if state == "known" else Standing()
    assert Standing.read(json.loads(json.dumps(found.written()))) == found
    assert found.counts == ("en 134" if state == "known" else "")


@pytest.mark.parametrize("data", [{}, {"state": "sparkling"}, {"state": "unknown", "texts": [], "lineage": ""},
                                  {"state": "unknown", "texts": {HOSTILE: 1}, "lineage": "a", "ancestors": []},
                                  {"state": "unknown", "texts": {}, "lineage": "a", "ancestors": [HOSTILE]},
                                  {"state": "unknown", "texts": {"de": True}, "lineage": "a", "ancestors": []},
                                  {"state": "unknown", "texts": {}, "lineage": "a", "ancestors": "b"}])  # fmt: skip
def test_another_shape_is_no_standing(data) -> None:
    with pytest.raises(DataError, match=r"facts\.provenance"):
        Standing.read(data)


def wrong(change):
    data = json.loads(Lineage((training(),)).text)
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ('{"format": 1, "trai', "truncated"),
        ("[]", "no record of a training"),
        ("[" * 5000, "nested too deeply"),
        (wrong(lambda data: data.update(format=2)), "install a newer one"),
        (wrong(lambda data: data.update(trainings=[])), "trainings"),
        (wrong(lambda data: data["trainings"][0].update(policy="hide")), r"trainings\.0\.policy"),
        (wrong(lambda data: data["trainings"][0].pop("overlaps")), r"trainings\.0\.overlaps: Field required"),
        (wrong(lambda data: data["trainings"][0].update(secret=1)), r"trainings\.0\.secret"),
        (wrong(lambda data: data["trainings"][0]["learnt"].update(targets=-1)), "greater than or equal to 0"),
        (wrong(lambda data: data["trainings"].extend(data["trainings"] * 500)), "at most 200"),
        (wrong(lambda data: data["trainings"][0]["recipe"].update(lr=float("nan"))), "NaN is no number"),
        (wrong(lambda data: None).replace('"steps": 12', '"steps": 1e999'), "1e999 is no number"),
        (wrong(lambda data: None).replace('"steps": 12', '"steps": 12, "steps": 13'), "'steps' stands twice"),
        (wrong(lambda data: None).replace('"format"', '"format": 1, "format"'), "'format' stands twice"),
        (wrong(lambda data: data.update(format=True)), "format: Input should be a valid integer"),
        (wrong(lambda data: data.update(format=1.0)), "format: Input should be a valid integer"),
        *(
            (
                wrong(lambda data, part=part: data["trainings"][0]["overlaps"]["xnli"].update(part)),
                "should match pattern",
            )
            for part in (
                {"found": {HOSTILE: {"test": 5}}},
                {"found": {"en": {HOSTILE: 5}}},
                {"checked": {HOSTILE: 5}},
                {"checked": {"": 5}},
                {"missing": [HOSTILE]},
            )
        ),
        (
            wrong(lambda data: data["trainings"][0]["overlaps"].update({HOSTILE: {"checked": {}, "found": {}}})),
            "should match pattern",
        ),
        (wrong(lambda data: data["trainings"][0].update(languages=[HOSTILE])), "should match pattern"),
    ],
)
def test_a_damaged_record_is_one_error_not_an_unknown_model(tmp_path: Path, text, said) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=said):
        read_lineage(tmp_path / FILE)


def test_what_is_said_of_a_record_is_bounded() -> None:
    long = training(recipe={"name": "x" * 3_000_000}, base={"name": "y" * 1000, "fingerprint": BASE, "revision": None,
                    "on_record": False})  # fmt: skip
    said = provenance_of(Lineage((long,) * 200))
    assert len(said) <= 2000
    assert said.startswith("provenance: yyy")
    assert len(long.title) <= 80
    assert len(provenance_of(Lineage((contaminated(**{f"l{i}": {"test": 3} for i in range(5000)}),)))) <= 2000
    assert training(recipe={"name": "a\nb"}).title == "a b"


def test_a_record_is_a_file_of_bounded_size(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(ModelError, match="a folder"):
        read_lineage(tmp_path / FILE)
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(1 << 25)
    with pytest.raises(ModelError, match="so much is not read"):
        read_lineage(tmp_path / "large.json")


def test_a_fingerprint_is_the_same_with_a_record_and_without(models, tmp_path: Path) -> None:
    folder = shutil.copytree(models["xglm"], tmp_path / "model")
    config = ModelConfig(f"hf:{folder}")
    before = fingerprint(config)
    assert lineage_of(config) is None
    written = record(folder, training())
    assert fingerprint(config) == before
    assert lineage_of(config) == written


def test_an_adapter_adds_its_record_to_its_bases(tmp_path: Path) -> None:
    base, adapter = tmp_path / "base", tmp_path / "lora"
    for folder in (base, adapter):
        folder.mkdir()
    (base / "model.safetensors").write_bytes(b"weights")
    own = {"name": "base", "fingerprint": fingerprint(ModelConfig(f"hf:{base}")), "revision": None, "on_record": True}
    config = ModelConfig(f"hf:{base}", peft=str(adapter))
    assert lineage_of(config) is None
    record(base, contaminated())
    unknown = lineage_of(config)
    assert unknown is not None
    assert unknown.unknown == ("lora",)
    states = [unknown.standing(key, "de", "test").state for key in ("xnli", "xcopa")]
    assert states == ["contaminated", "unknown"]
    record(adapter, contaminated(), training(processes=2, base=own))
    both = lineage_of(config)
    assert both is not None
    assert [each.processes for each in both.trainings] == [1, 2]  # what both have stands once
    (base / FILE).unlink()
    assert lineage_of(config) == both
    assert both.ancestors == (own["fingerprint"], BASE)
    (base / "model.safetensors").write_bytes(b"others of the same shape")
    beside = lineage_of(config)
    assert beside is not None
    assert beside.standing("xcopa", "de", "test").state == "unknown"
    said = provenance_of(beside)
    assert "lora on base (" in said
    assert f"it was trained on another base, base ({own['fingerprint']})" in said


def test_a_record_beside_other_weights_is_none_of_theirs(tmp_path: Path) -> None:
    """Of a checkpoint that somebody else's weights were copied into; the same bytes elsewhere keep it."""
    folder, copy = tmp_path / "model", tmp_path / "copy"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    write_beside(folder, Lineage((contaminated(),)))
    shutil.copytree(folder, copy)
    for place in (folder, copy):
        assert lineage_of(ModelConfig(f"hf:{place}")) == Lineage((contaminated(),))
    (copy / "model.safetensors").write_bytes(b"WEIGHTS")
    found = lineage_of(ModelConfig(f"hf:{copy}"))
    assert found is not None
    assert found.standing("xnli", "en", "test").state == "unknown"
    assert provenance_of(found).startswith("provenance unknown: nothing is on record of copy, for xling_training.json")
    assert "is a record of other weights" in provenance_of(found)
    record(copy, contaminated())  # as an older version wrote it: it does not say of which weights
    assert lineage_of(ModelConfig(f"hf:{copy}")) == Lineage((contaminated(),))


def test_a_gguf_file_has_the_record_beside_it(tmp_path: Path) -> None:
    written = record(tmp_path, contaminated())
    assert lineage_of(ModelConfig(f"gguf:{tmp_path / 'model.gguf'}")) == written


def test_a_model_of_the_hub_has_the_record_of_its_revision(tmp_path: Path, monkeypatch) -> None:
    for commit, trainings in (("a", [contaminated()]), ("b", [])):
        folder = tmp_path / "models--some--body" / "snapshots" / (commit * 40)
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}", encoding="utf-8")
        if trainings:
            record(folder, *trainings)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    found = [lineage_of(ModelConfig("hf:some/body", revision=commit * 40)) for commit in "ab"]
    assert found == [Lineage((contaminated(),)), None]
