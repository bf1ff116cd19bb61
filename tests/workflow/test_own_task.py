"""A task of the config through the whole workflow: forty classes of long texts in one CSV file, on
a RoBERTa from a folder.
"""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tokenizers
import torch
import transformers
import yaml
from conftest import ROOT
from flow import environment, snakemake

pytestmark = pytest.mark.slow
CLASSES = 40


def write_roberta(folder: Path, texts: list[str]) -> None:
    """A RoBERTa of two layers with random weights, and a tokenizer learnt on some texts."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = tokenizers.ByteLevelBPETokenizer()
    words.train_from_iterator(texts, vocab_size=400, special_tokens=special)
    words.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    own = words._tokenizer
    transformers.PreTrainedTokenizerFast(tokenizer_object=own, **names).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.RobertaConfig(
        vocab_size=own.get_vocab_size(), hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=66, type_vocab_size=1,
    )  # fmt: skip
    transformers.RobertaModel(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Results of it, with published models."""
    folder = tmp_path_factory.mktemp("own")
    rows = [(f"Topic {i % CLASSES}. " + "so it goes " * (i % 30) + str(i), f"topic {i % CLASSES}")
            for i in range(320)]  # fmt: skip
    with (folder / "topics.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("body", "topic"), *rows])
    write_roberta(folder / "roberta", [text for text, _ in rows])
    config = {
        "backbone": {"path": str(folder / "roberta")},
        "results": str(folder / "results"),
        "tasks": ["topics"],
        "own_tasks": {
            "topics": {
                "path": str(folder / "topics.csv"),
                "columns": ["body"],
                "label": "topic",
                "score": ["accuracy", "macro_f1"],
                "caption": "Made up.",
            }
        },
        "keep_models": True,
        "data": {"max_length": 32, "tune": {"min": 40}},
        "training": {"epochs": 1},
        "compare": ["full_bert", "smartbert", "skip_only"],
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    words = ["--cores", "2", "--configfile", "config/quick.yaml", str(folder / "config.yaml")]
    log = snakemake("task_topics", "models_topics", *words)
    assert "examples are longer than 32 tokens and were cut there (`data.max_length`)" in log
    assert re.search(r"Topics: fit [\d,]+, tune [\d,]+, test [\d,]+ examples", log)
    assert f"Figures:  {folder}/results/tasks/topics/figures/topics.png" in log
    return folder / "results"


def test_tables_figures_and_questions_are_those_of_any_task(run):
    own = run / "tasks" / "topics"
    page = (own / "tables" / "glue.md").read_text()
    assert "Score and cost on test" in page and "GLUE" not in page
    assert "Made up." in page and "Synthetic" not in page  # of the other config's tasks
    assert "Scores are in points: the mean of accuracy and macro F1 on Topics." in page
    table = pd.read_csv(own / "tables" / "glue.csv")
    assert set(table["task"]) == {"topics"} and table["score"].notna().any()
    for name in ("topics", "lengths", "topics-usage", "usage"):
        assert (own / "figures" / f"{name}.png").stat().st_size > 5000
    claims = (own / "claims.md").read_text()
    assert "adapting beats a fixed depth" in claims and "RTE" not in claims
    record = json.loads((run / "data" / "topics" / "task.json").read_text())
    assert len(record["record"]["labels"]) == CLASSES and record["record"]["own"]


def test_the_published_model_reads_the_tasks_own_columns(run, tmp_path):
    texts = tmp_path / "new.csv"
    texts.write_text("id,body\n1,Topic 3. so it goes\n2,Topic 7.\n")
    model = run / "models" / "topics" / "smartbert" / "seed1"
    done = subprocess.run(
        [sys.executable, "-m", "smartbert", "predict", "--model", str(model), str(texts)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["label"].startswith("topic ") for a in answers] == [True, True]
    card = (model / "README.md").read_text()
    assert "It reads `body`" in card and "Made up." in card and "language:" not in card
