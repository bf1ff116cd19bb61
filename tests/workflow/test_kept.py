"""Which kept runs count: by settings, of all that they came of, and by data."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import loads
from made_up_kept import NAMES, config, make_kept, provenance, set_in
from made_up_run import task_data

from smartbert.errors import UserError
from smartbert.provenance import sha256
from smartbert.results import Results
from smartbert.tasks import TASKS, TaskData
from smartbert.trace.trace import Trace
from workflow.scripts import kept as check
from workflow.settings import options, plan, validation
from workflow.settings.kept import decide


def split_up(config: dict) -> tuple[set[str], list[str], dict[str, str]]:
    """Return the entries whose traces are taken, those that are trained, and why kept ones do not
    count.
    """
    found = decide(config)
    differing = {name: why for (_, name, _), why in found.differing.items()}
    return {key[1] for key in found.taken}, [key[1] for key in found.trained], differing


@pytest.fixture
def asked(tmp_path) -> dict:
    """A config all of whose runs are kept."""
    own = config(tmp_path)
    make_kept(own)
    return own


@pytest.mark.parametrize("older", [False, True])
def test_what_is_kept_as_the_config_says_needs_no_training(tmp_path, older):
    own = config(tmp_path)
    make_kept(own, older=older)
    assert split_up(own) == (set(NAMES), [], {})
    assert decide(own).complete and "4 of 4 runs kept, 0 trained" in decide(own).told()


def test_no_data_are_asked_for_where_nothing_is_trained(asked):
    asked["data"]["path"] = "./nowhere"
    assert validation.validate(asked).complete
    asked["methods"]["deebert"]["learning_rate"] = 0.5
    with pytest.raises(
        UserError, match=r"'./nowhere' does not exist.*rte/deebert/seed1: learning_"
    ):
        validation.validate(asked)


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(
    ("changes", "trained", "why"),
    [
        (
            {"methods__deebert__learning_rate": 0.5},
            ["full_bert", "deebert"],
            {"deebert": "learning_rate is 0.5, kept is 0.001"},
        ),
        (
            {"methods__skip_only__lambda": 0.3},
            ["skip_only", "smartbert"],
            {
                "skip_only": "lambda is 0.3, kept is 0.2 (skip_only)",  # read from SmartBERT
                "smartbert": "lambda is 0.3, kept is 0.2 (skip_only)",
            },
        ),
        (
            {"task_settings__rte__full_bert": {"epochs": 9}},
            ["full_bert", "deebert"],
            {
                "full_bert": "epochs is 9, kept is 4",
                "deebert": "epochs is 9, kept is 4 (full_bert)",
            },
        ),
    ],
)
def test_a_changed_setting_trains_what_it_touches(tmp_path, changes, trained, why, older):
    own = config(tmp_path)
    make_kept(own, older=older)
    taken, found, differing = split_up(set_in(own, **changes))
    assert found == trained and differing == why and taken == set(NAMES) - set(why)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"data__max_fit": 7}, "max_fit of its data is 7, kept is 4000"),
        ({"data__max_test": 7}, "max_test of its data is 7, kept is None"),
        ({"data__tune__max": 7}, "tune_max of its data is 7, kept is 2000"),
        ({"training__precision": "fp32"}, "precision is fp32, kept is bf16"),
        ({"training__clip": 2.0}, "clip is 2.0, kept is 1.0"),
    ],
)
def test_what_concerns_all_trains_all(tmp_path, changes, why):
    for older in (False, True):
        own = config(tmp_path)
        make_kept(own, older=older)
        assert set(split_up(set_in(own, **changes))[2].values()) >= {why}
        assert not split_up(set_in(own, **changes))[0]


def test_auto_takes_only_what_said_auto(asked):
    # What it will mean is known where the training runs: two precisions are never mixed.
    found = decide(set_in(asked, training__precision="auto"))
    assert not found.taken and "precision is auto, kept is bf16" in found.told()


def test_where_the_data_lie_is_no_difference(asked):
    assert decide(set_in(asked, data__path="elsewhere/glue")).complete


def test_another_parent_is_a_difference_though_no_setting_is(asked):
    other = set_in(asked, methods__skip_only_twin={"like": "skip_only"})
    other["methods"]["smartbert"]["continues"] = "skip_only_twin"
    _, trained, differing = split_up(other)
    assert "smartbert" in trained and "skip_only_twin" in differing["smartbert"]


def test_a_parent_trained_anew_with_other_settings_leaves_no_child_behind(asked):
    """The folder holds the new parent and the old child, which was trained from the old one."""
    changed = set_in(asked, methods__skip_only__epochs=9)
    own = Results(Path(asked["traces_from"])).run("rte", "skip_only", 1)
    provenance(changed, "skip_only").write(own.provenance)
    assert "smartbert" in split_up(changed)[1]
    # The other way round the child is as the config says, whatever became of its parent since.
    assert split_up(asked)[1] == []


def test_an_older_record_counts_if_its_parents_is_there(tmp_path):
    own = config(tmp_path)
    kept = make_kept(own, older=True)
    kept.run("rte", "full_bert", 1).provenance.unlink()
    _, trained, differing = split_up(own)
    assert trained == ["full_bert", "deebert"]
    assert differing["deebert"] == "it comes of full_bert, of which no provenance is kept"
    assert differing["full_bert"] == "its provenance is missing"


def test_a_setting_that_a_record_lacks_has_its_default(asked):
    own = Results(Path(asked["traces_from"])).run("rte", "smartbert", 1)
    said = json.loads(own.provenance.read_text())
    del said["settings"]["frozen_dropout"]
    own.provenance.write_text(json.dumps(said))
    assert decide(asked).complete
    changed = set_in(asked, methods__smartbert__frozen_dropout=False)
    assert split_up(changed)[2]["smartbert"] == "frozen_dropout is False, kept is True"


def test_a_record_with_older_names_of_heads_is_no_difference(asked):
    own = Results(Path(asked["traces_from"])).run("rte", "full_bert", 1)
    said = json.loads(own.provenance.read_text())
    said["settings"]["head"] = "pooler"
    del said["settings"]["heads_rate"]
    own.provenance.write_text(json.dumps(said))
    assert decide(asked).complete
    changed = set_in(asked, methods__full_bert__head="mean", compare=["full_bert"])
    assert split_up(changed)[2]["full_bert"] == "head is mean, kept is first"


def test_settings_of_heads_that_records_lack_need_no_method_loaded(asked, monkeypatch):
    for name in NAMES:
        own = Results(Path(asked["traces_from"])).run("rte", name, 1)
        said = json.loads(own.provenance.read_text())
        for key in ("exits", "head", "heads_rate"):
            said["settings"].pop(key, None)
        own.provenance.write_text(json.dumps(said))
    monkeypatch.setattr("baselines.loading.load", None)
    assert decide(asked).complete


def test_a_rate_of_heads_that_is_the_trainings_may_be_told_or_not(asked):
    rate = asked["training"]["learning_rate"]
    assert decide(set_in(asked, methods__full_bert__heads_rate=rate)).complete
    found = split_up(set_in(asked, methods__full_bert__heads_rate=rate / 2))
    assert found[2]["full_bert"] == f"heads_rate is {rate / 2}, kept is {rate}"


def test_an_entry_that_reads_counts_by_the_one_it_reads(asked):
    kept = Results(Path(asked["traces_from"]))
    kept.run("rte", "skip_only", 1).provenance.unlink()  # not needed: its rows are SmartBERT's
    assert plan.read_from(asked, "skip_only") == "smartbert" and decide(asked).complete
    shutil.rmtree(kept.run("rte", "skip_only", 1).folder)  # read again from SmartBERT's kept ones
    found = decide(asked)
    assert found.complete and len(found.replayed) == 4 and len(found.taken) == 3


def test_what_an_entry_reads_is_read_as_the_config_now_says(asked):
    asked = set_in(asked, methods__mine={"reads": "smartbert", "method": "pcee_bert"})
    asked["compare"] = [*NAMES, "mine"]
    kept = Results(Path(asked["traces_from"]))
    shutil.copytree(kept.run("rte", "smartbert", 1).folder, kept.run("rte", "mine", 1).folder)
    found = decide(asked)
    assert found.complete and ("rte", "mine", 1) in found.replayed
    assert ("rte", "mine", 1) not in found.taken  # its kept traces may be under another rule


def test_a_task_that_is_scored_otherwise_is_told(asked, monkeypatch):
    path = Results(Path(asked["traces_from"])).task("rte")
    replace(TaskData.read(path), record=TASKS["rte"]).write(path)
    assert decide(asked).complete
    monkeypatch.setitem(TASKS, "rte", replace(TASKS["rte"], score=("accuracy", "f1")))
    why = "score of the task is accuracy, f1, kept is accuracy"
    assert set(split_up(asked)[2].values()) == {why}


def test_traces_of_another_training_than_is_told_of_do_not_count(asked):
    own = Results(Path(asked["traces_from"])).run("rte", "smartbert", 1)
    replace(provenance(asked, "smartbert"), weights="another").write(own.provenance)
    taken, trained, differing = split_up(asked)
    assert trained == ["skip_only", "smartbert"] and taken == {"full_bert", "deebert"}
    assert differing["smartbert"] == "its traces are of another training than its provenance"


def test_what_was_read_from_traces_that_are_replaced_is_read_anew(asked):
    kept = Results(Path(asked["traces_from"]))
    for split in ("tune", "test"):
        path = kept.run("rte", "skip_only", 1).trace(split, packed=True)
        trace = Trace.load(path)
        replace(trace, meta=replace(trace.meta, model="smartbert's before")).save(path)
    found = decide(asked)
    assert found.complete and ("rte", "skip_only", 1) not in found.taken
    # Recorded from weights of its own, as a run before there was reading did, it is taken.
    told = replace(provenance(asked, "skip_only"), weights="smartbert's before")
    told.write(kept.run("rte", "skip_only", 1).provenance)
    assert ("rte", "skip_only", 1) in decide(asked).taken


def test_what_lacks_a_trace_is_trained(asked):
    Results(Path(asked["traces_from"])).run("rte", "deebert", 1).trace("tune", packed=True).unlink()
    taken, trained, _ = split_up(asked)
    assert trained == ["full_bert", "deebert"] and "full_bert" in taken
    assert "(1 for weights alone: rte/full_bert/seed1)" in decide(asked).told()


def test_once_the_data_are_there_their_content_decides(asked):
    record = Results(Path(asked["results"])).task("rte")
    data = replace(task_data("rte"), settings=options.data_settings(asked, "rte"))
    data.write(record)
    assert decide(asked).complete
    replace(task_data("rte", fit="cut otherwise"), settings=data.settings).write(record)
    assert set(split_up(asked)[2].values()) == {"it was made of other data (fit)"}
    # Data of another config say nothing of this one's.
    replace(task_data("rte", fit="x"), settings={**data.settings, "max_fit": 9}).write(record)
    assert decide(asked).complete


def test_another_backbone_is_other_weights(asked):
    weights = Results(Path(asked["results"])).backbone
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"another")
    assert set(split_up(asked)[2].values()) == {
        "it began with other weights than the run's backbone"
    }


def test_the_line_names_each_reason_once(asked):
    changed = set_in(asked, training__clip=2.0, compare=["full_bert"])
    line = decide(set_in(changed, methods__full_bert__epochs=9)).told()
    assert "0 of 1 runs kept, 1 trained; 1 kept, not counted: rte/full_bert/seed1: clip is" in line
    line = decide(set_in(asked, training__clip=2.0)).told()
    assert line.count("clip is 2.0, kept is 1.0;") == 1 and line.endswith("; ...")


def test_a_damaged_record_is_one_line(asked):
    own = Results(Path(asked["traces_from"])).run("rte", "deebert", 1)
    own.provenance.write_text("{")
    with pytest.raises(UserError, match=r"cannot read .*deebert/seed1/provenance.json"):
        decide(asked)


def test_a_truncated_trace_is_one_line(asked):
    path = Results(Path(asked["traces_from"])).run("rte", "deebert", 1).trace("test", packed=True)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"cannot read trace .*deebert/seed1/trace-test"):
        decide(asked)


def test_deciding_loads_no_torch():
    assert not loads("workflow.settings.kept workflow.scripts.kept", "torch", "snakemake")


def test_a_run_of_kept_traces_is_told_in_the_manifest(asked):
    changed = set_in(asked, methods__deebert__learning_rate=0.5)
    found = decide(changed)
    said = plan.manifest(changed, kept=found.seeds(), trained=not found.complete)
    assert said.is_kept("rte", "smartbert", 1) and not said.is_kept("rte", "deebert", 1)
    assert said.trainings["deebert"] == (("full_bert", "deebert"),)


@pytest.fixture
def words(asked, tmp_path) -> list[str]:
    """The words that hold DeeBERT's kept traces against the run's data."""
    kept, results = Results(Path(asked["traces_from"])), Results(Path(asked["results"]))
    own = kept.run("rte", "deebert", 1)
    results.backbone.parent.mkdir(parents=True)
    results.backbone.write_bytes(b"weights")
    record = replace(provenance(asked, "deebert"), backbone=sha256(results.backbone))
    record.write(own.provenance)
    task_data("rte").write(results.task("rte"))
    traces = [str(own.trace(split, packed=True)) for split in ("tune", "test")]
    return [
        *("--traces", *traces, "--provenance", str(own.provenance)),
        *("--data", str(results.task("rte")), "--backbone", str(results.backbone)),
    ]


def test_kept_traces_of_the_runs_own_data_are_taken(words):
    check.main(words)


@pytest.mark.parametrize("split", ["fit", "tune", "test"])
def test_kept_traces_of_other_data_are_refused_with_a_way_out(words, split, asked):
    record = Results(Path(asked["results"])).task("rte")
    replace(TaskData.read(record), splits=task_data("rte", **{split: "x"}).splits).write(record)
    with pytest.raises(
        UserError, match=r"on other data than .* such runs do not count; call again"
    ):
        check.main(words)


def test_kept_traces_of_another_backbone_are_refused(words, asked):
    Results(Path(asked["results"])).backbone.write_bytes(b"another")
    with pytest.raises(UserError, match="began with another backbone than"):
        check.main(words)


def test_a_truncated_kept_trace_is_one_line(words):
    path = Path(words[1])
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match="cannot read trace"):
        check.main(words)
