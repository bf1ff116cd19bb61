"""The synthetic tasks: their shape, their balance, and that no split leaks into another."""

import subprocess
import sys
from hashlib import sha256
from itertools import combinations
from random import Random

import pandas as pd
import pytest

from smartbert.data.synthetic import mrpc, qnli, qqp
from smartbert.data.synthetic.frames import SLOTS, draw, render, slots_of
from smartbert.data.synthetic.generator import CLASS_SHARES, GRAMMARS, HARD_SHARE, generate
from smartbert.data.synthetic.lexicon import articles, plural
from smartbert.errors import UserError
from smartbert.tasks import TASKS, TaskSpec

ROWS = 600
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def splits(task: TaskSpec) -> list[str]:
    """Names of the labelled splits of a task."""
    return [task.train, *(name for _, name in task.test)]


def first_texts(table: pd.DataFrame, task: TaskSpec) -> set[str]:
    return set(table[task.columns[0]])


def digest(table: pd.DataFrame) -> str:
    return sha256(table.to_csv(index=False).encode()).hexdigest()


@every_task
def test_columns_and_types_are_those_of_glue(task):
    table = generate(task, task.train, rows=20, seed=1)
    assert list(table.columns) == [*task.columns, "label", "idx", "hard"]
    assert table["label"].dtype == "int64"
    assert table["idx"].dtype == "int64"
    assert table["hard"].dtype == "bool"
    assert table["idx"].tolist() == list(range(20))
    assert table[list(task.columns)].map(lambda text: isinstance(text, str)).all(axis=None)


@every_task
def test_the_same_arguments_give_the_same_rows_and_another_seed_gives_others(task):
    one = generate(task, task.train, rows=50, seed=1)
    pd.testing.assert_frame_equal(one, generate(task, task.train, rows=50, seed=1))
    other = generate(task, task.train, rows=50, seed=2)
    assert first_texts(one, task) != first_texts(other, task)


def test_another_process_composes_the_same_rows():
    code = (
        "import hashlib\n"
        "from smartbert.tasks import TASKS\n"
        "from smartbert.data.synthetic.generator import generate\n"
        "for task in TASKS.values():\n"
        "    table = generate(task, task.train, rows=30, seed=3)\n"
        "    print(hashlib.sha256(table.to_csv(index=False).encode()).hexdigest())\n"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": salt, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for salt in ("1", "2")
    ]
    here = [digest(generate(task, task.train, rows=30, seed=3)) for task in TASKS.values()]
    assert found == [here, here]


@every_task
def test_no_text_stands_in_two_splits_whatever_their_seeds(task):
    tables = [
        generate(task, name, rows=rows, seed=seed)
        for name, rows, seed in zip(splits(task), (ROWS, 300, 200), (1, 2, 1), strict=False)
    ]
    for one, other in combinations(tables, 2):
        assert not first_texts(one, task) & first_texts(other, task)


@every_task
def test_hundreds_of_distinct_texts(task):
    table = generate(task, task.train, rows=ROWS, seed=1)
    assert table[task.columns[0]].nunique() >= (250 if task.group else 500)
    assert not table.duplicated(list(task.columns)).any()


@every_task
def test_texts_are_not_one_template_with_other_words(task):
    """Few rows share their first two and last words, so the rows have many constructions."""
    words = generate(task, task.train, rows=ROWS, seed=1)[task.columns[-1]].str.split()
    shapes = {(w[0], w[1], w[-1]) for w in words}
    assert len(shapes) >= 150


@every_task
@pytest.mark.parametrize("rows", [2, 100, 102])
def test_half_of_the_rows_are_hard(task, rows):
    table = generate(task, task.train, rows=rows, seed=1)
    assert table["hard"].sum() == rows * HARD_SHARE == rows // 2


@every_task
def test_hard_rows_and_classes_are_shuffled(task):
    table = generate(task, task.train, rows=200, seed=1)
    assert 30 < table["hard"].head(100).sum() < 70
    assert table["label"].head(40).nunique() == len(task.labels)


@every_task
def test_classes_have_their_shares_among_easy_and_hard_rows(task):
    table = generate(task, task.train, rows=ROWS, seed=1)
    equal = (1 / len(task.labels),) * len(task.labels)
    expected = CLASS_SHARES.get(task.name, equal)
    assert len(expected) == len(task.labels)
    assert max(expected) <= 0.6
    for _, part in table.groupby("hard"):
        counts = part["label"].value_counts()
        assert set(counts.index) == set(range(len(task.labels)))
        for label, share in enumerate(expected):
            assert counts[label] / len(part) == pytest.approx(share, abs=0.01)


def test_winograd_rows_come_in_pairs_with_one_sentence_and_opposite_labels():
    table = generate(TASKS["wnli"], "train", rows=200, seed=1)
    groups = table.groupby("sentence1")
    assert (groups.size() == 2).all()
    assert (groups["label"].nunique() == 2).all()
    assert (groups["sentence2"].nunique() == 2).all()
    assert (groups["hard"].nunique() == 1).all()


def test_an_odd_number_of_rows_is_met_where_rows_come_in_pairs():
    assert len(generate(TASKS["wnli"], "train", rows=7, seed=1)) == 7


@pytest.mark.parametrize("name", ["mrpc", "qqp"])
def test_easy_equivalents_contain_the_first_text_and_hard_ones_do_not(name):
    task = TASKS[name]
    table = generate(task, "train", rows=200, seed=1)
    same = table[table["label"] == 1]
    one, two = (same[column].str.rstrip(".") for column in task.columns)
    contained = [a in b for a, b in zip(one, two, strict=True)]
    assert contained == (~same["hard"]).tolist()


@pytest.mark.parametrize("frame", [*mrpc.FRAMES, *qqp.FRAMES], ids=lambda frame: frame.same[0])
def test_what_makes_a_pair_differ_occurs_in_every_wording(frame):
    """Otherwise a changed slot could vanish, and the label of the pair would be wrong."""
    wordings = [{n for _, names in slots_of((t,)) for n in names} for t in frame.same]
    assert all(set(frame.changes) <= slots for slots in wordings)
    assert not set(frame.same) & set(frame.other)
    values = draw(Random(0), frame.same + frame.other)
    texts = [render(template, values) for template in frame.same + frame.other]
    assert len(set(texts)) == len(texts)


def test_hard_unanswered_questions_are_about_the_thing_in_the_sentence():
    table = generate(TASKS["qnli"], "train", rows=300, seed=1)
    missing = table[table["label"] == TASKS["qnli"].labels.index("not_entailment")]

    def shares_a_name(row: pd.Series) -> bool:
        names = {word.strip("?,.:") for word in row["question"].split()[1:]}
        capitals = {name for name in names if name[:1].isupper()}
        return all(name in row["sentence"] for name in capitals)

    assert missing[missing["hard"]].apply(shares_a_name, axis=1).all()
    assert missing[~missing["hard"]].apply(shares_a_name, axis=1).mean() < 0.1


def test_facts_of_one_topic_never_answer_each_other():
    for topic in qnli.TOPICS:
        for one, other in combinations(topic.facts, 2):
            assert {one.plain, one.reworded}.isdisjoint({other.plain, other.reworded})
            assert one.clause != other.clause


def test_slots_hold_distinct_words():
    assert all(len(set(words)) == len(words) for words in SLOTS.values())


def test_every_task_has_a_grammar():
    assert list(GRAMMARS) == list(TASKS)


def test_english_spelling_of_plurals_and_articles():
    assert [plural(w) for w in ("boy", "diary", "bus", "fox")] == [
        "boys",
        "diaries",
        "buses",
        "foxes",
    ]
    assert articles("a old man and a young actor") == "an old man and a young actor"
    assert articles("A engineer saw banana ice") == "An engineer saw banana ice"


@every_task
def test_no_article_or_slot_is_left_open(task):
    table = generate(task, task.train, rows=ROWS, seed=1)
    for column in task.columns:
        assert not table[column].str.contains(r"[{}]|  |\b[Aa] [aeiouAEIOU]").any()


def test_an_unknown_split_is_refused_with_the_known_ones():
    with pytest.raises(
        UserError, match=r"'test'.*train, validation_matched, validation_mismatched"
    ):
        generate(TASKS["mnli"], "test", rows=10, seed=1)


def test_more_rows_than_the_grammar_has_are_refused(monkeypatch):
    monkeypatch.setattr(GRAMMARS["cola"], "build", lambda rng, *, label, hard: ("One sentence.",))
    with pytest.raises(UserError, match="no 10 distinct rows of synthetic cola"):
        generate(TASKS["cola"], "train", rows=10, seed=1)
