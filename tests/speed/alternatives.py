"""The same texts through all that a user would consider: texts a second against score.

    snakemake models_sst2 --cores 2 --configfile config/matched.yaml
    pip install onnx onnxscript onnxruntime
    PYTHONPATH=.:tests python tests/speed/alternatives.py results/matched sst2

Dense BERT by the transformers library, by ONNX Runtime and by this engine, each also in int8; the
run's small models; its adaptive ones at `drop1`, and those in int8. All take turns on the same
batches of test examples of similar length, tokenised before. int8 is dynamic: weights once, what
they multiply in each batch by its own range, so that an answer depends a little on its batch.
Writes a table and a page (--out). Without ONNX Runtime its two rows are missing, with a message,
and so are those in bf16 on a processor that does not compute in it.
"""

import argparse
import os
import shlex
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

# Idle threads of torch and of ONNX Runtime spin on a core that the other one then lacks: these stop
# after a fraction of a millisecond, those when their answer is there. Read when torch is loaded.
if __name__ == "__main__":
    os.environ["GOMP_SPINCOUNT"] = "20000"

import numpy as np
import pandas as pd
import torch
from speed.card_library import Library
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from smartbert.data.columns import read_columns
from smartbert.errors import UserError
from smartbert.files import write_csv, write_text
from smartbert.metrics import measure as scores
from smartbert.model.batching import ENGINE_TOKENS, length_batches, pad
from smartbert.model.folder import load_model
from smartbert.model.modeling import AdaptiveBert
from smartbert.points import DENSE
from smartbert.policies import Decisions, Policy
from smartbert.provenance import commit, installed
from smartbert.report.page import markdown_table
from smartbert.results import CARD, Results
from smartbert.serve.classifier import stored_points
from smartbert.serve.encoder_forms import FastLayer
from smartbert.serve.engine import Engine, Example, Forced
from smartbert.serve.latency import Contender, machine, measure
from smartbert.tasks import TaskSpec, task
from smartbert.train.precision import has_bf16

POINT = "drop1"
BATCHES = (1, 32)
REST = 0.002  # seconds before each turn
ENTRIES = ("truncated_bert_3", "truncated_distilled_3", "smartbert", "deebert")
ONNX = ("onnx", "onnxscript", "onnxruntime")
PACKAGES = ("torch", "transformers", "onnxruntime")


def library_bert(model: AdaptiveBert) -> BertForSequenceClassification:
    """Return dense BERT of ours as the transformers library's own model."""
    fields = {k: v for k, v in model.config.to_dict().items() if k != "model_type"}
    own = BertConfig(**fields)
    own.num_labels = model.config.classes
    plain = BertForSequenceClassification(own).eval()
    plain.bert.load_state_dict(model.encoder.state_dict(), strict=False)
    plain.bert.pooler.dense.load_state_dict(model.head.pooler.state_dict())
    plain.classifier.load_state_dict(model.head.out.state_dict())
    return plain


def int8(module: nn.Module) -> nn.Module:
    """Return a module with torch's int8 in place of its linear maps; the original stays."""
    from torch.ao.quantization import quantize_dynamic

    with warnings.catch_warnings():  # "deprecated": what it is to be replaced by is slower on a CPU
        warnings.simplefilter("ignore")
        return quantize_dynamic(module, {nn.Linear}, dtype=torch.qint8)


def int8_engine(engine: Engine) -> Engine:
    """Turn the layers' linear maps of an engine to int8; gates and heads stay as they are."""
    for layer in engine.layers:
        if not isinstance(layer, FastLayer):
            raise TypeError(f"{type(layer).__name__} has no linear maps to turn to int8")
        for name in ("qkv", "attended", "up", "down"):
            held = getattr(layer, name)
            if not isinstance(held, partial):
                raise TypeError(f"{name} is no linear map")
            weight, bias = held.keywords["weight"], held.keywords["bias"]
            plain = nn.Linear(weight.shape[1], weight.shape[0])
            plain.weight.data, plain.bias.data = weight, bias
            setattr(layer, name, int8(nn.Sequential(plain))[0])
    return engine


class OnnxBert(Library):
    """ONNX Runtime on padded batches, called as an engine is."""

    def __init__(self, model: BertForSequenceClassification, folder: Path, *, int8: bool):
        import onnxruntime
        from onnxruntime.quantization import quantize_dynamic

        super().__init__(model)
        path = folder / "model.onnx"
        if not path.exists():
            export(model, path)
        if int8:
            path, whole = folder / "model-int8.onnx", path
            quantize_dynamic(whole, path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def run(self, examples: list[Example], forced: Forced | None = None) -> Decisions:
        """Classify one batch."""
        batch = pad([e.ids for e in examples], [e.types for e in examples])
        (said,) = self.session.run(None, {name: v.numpy() for name, v in batch.items()})
        return self.whole(said)


def export(model: BertForSequenceClassification, path: Path) -> None:
    """Write a model as ONNX, for batches of any size and width."""
    example = pad([[5, 6, 7], [5, 6]], [[0] * 3, [0] * 2])
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    model.config.return_dict = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (), path, kwargs=example, dynamic_shapes=dict.fromkeys(example, sizes),
            input_names=list(example), output_names=["logits"], dynamo=True, verbose=False,
        )  # fmt: skip
    model.config.return_dict = True


def contenders(folder: Path, entries: list[str], onnx: Path | None) -> dict[str, Contender]:
    """Return all that is compared, by name.

    Args:
        folder: models of one task as `snakemake models_<task>` publishes them.
        entries: which of them beside dense BERT, of the first seed.
        onnx: a folder to write ONNX models to; None leaves them out.

    Raises:
        UserError: if dense BERT is not among the models.
    """
    plain = library_bert(load_model(published(folder, "full_bert")))
    found: dict[str, Library | Engine] = {
        DENSE: Library(plain),
        "dense BERT, transformers, int8": Library(int8(plain)),
    }
    if onnx is not None:
        found["dense BERT, ONNX Runtime"] = OnnxBert(plain, onnx, int8=False)
        found["dense BERT, ONNX Runtime, int8"] = OnnxBert(plain, onnx, int8=True)
    for entry in ("full_bert", *entries):
        model = load_model(path := published(folder, entry))
        name, policy = title(path), Policy()
        if model.gates is not None or model.exits is not None:
            points = stored_points(model.config)
            if POINT not in points:
                print(f"{path}: tune found no {POINT}; left out", file=sys.stderr)
                continue
            name, policy = f"{name}, {POINT}", points[POINT].policy
        name += ", this engine"
        found[name] = Engine(model, policy)
        if has_bf16():
            found[f"{name}, bf16"] = Engine(model, policy, dtype="bf16")
        found[f"{name}, int8"] = int8_engine(Engine(model, policy))
    return {name: Contender(engine) for name, engine in found.items()}


def published(folder: Path, entry: str) -> Path:
    """Return the folder of an entry's model of the first seed.

    Raises:
        UserError: if there is none.
    """
    found = sorted((folder / entry).glob("seed*"))
    if not found:
        there = ", ".join(sorted(path.name for path in folder.glob("*") if path.is_dir()))
        raise UserError(
            f"no model of {entry} in {folder}; it has {there or 'none'}; make them with"
            f" `snakemake models_{folder.name}`, or choose with --entries"
        )
    return found[0]


def title(folder: Path) -> str:
    """Return how a published model's card calls its method."""
    heading = (folder / CARD).read_text().partition("\n# ")[2].partition("\n")[0]
    return heading.rpartition(" on ")[0]


def judged(
    engine: Library | Engine, examples: list[Example], labels: np.ndarray, spec: TaskSpec, rows: int
) -> float:
    """Return the score on examples in the batches in which they are timed."""
    guesses = np.empty_like(labels)
    lengths = [len(e.ids) for e in examples]
    for batch in length_batches(lengths, tokens=ENGINE_TOKENS, rows=rows):
        guesses[batch] = engine.run([examples[i] for i in batch]).predictions
    return scores(spec, guesses, labels)["score"]


def compared(
    found: dict[str, Contender], examples: list[Example], labels: np.ndarray, spec: TaskSpec,
    *, batches: list[int], repeats: int, timed: int,
) -> pd.DataFrame:  # fmt: skip
    """Return a row for each contender and batch size: the rate in texts a second, its quartiles
    over rounds, time and FLOPs as shares of dense BERT's, the score.
    """
    tables = []
    for rows in batches:
        own = measure(
            found, examples[:: step(len(examples), timed)], batch_size=rows, repeats=repeats,
            rest=REST, progress=partial(_told, rows),
        ).set_index("contender")  # fmt: skip
        for name, contender in found.items():
            own.loc[name, "score"] = judged(contender.engine, examples, labels, spec, rows)
        own["rate"] = 1000 / own["milliseconds"]
        tables.append(own.reset_index())
    table = pd.concat(tables).replace({"contender": {DENSE: "dense BERT, transformers"}})
    columns = "contender batch_size rate time_relative time_low time_high cost_relative score"
    return table[columns.split()]


def step(number: int, timed: int) -> int:
    """Return the step through some examples that leaves about so many to time."""
    return max(1, round(number / timed))


def _told(rows: int, done: int, rounds: int) -> None:
    print(f"batch {rows}: round {done} of {rounds}", flush=True)


def page(table: pd.DataFrame, about: dict[str, str]) -> str:
    """Return the page: what is fastest at dense BERT's score, and the whole table."""
    name = about["title"]
    parts = [f"# What else makes BERT faster: {name}"]
    told = []
    for rows, own in table.groupby("batch_size"):
        least = own["score"].iloc[0] - 1
        near = own[own["score"] >= least].sort_values("rate", ascending=False)
        first = near.iloc[0]
        told.append(
            f"At batch {rows} the fastest within one point of dense BERT is {first['contender']}:"
            f" {first['rate']:.0f} texts a second,"
            f" {first['rate'] / own['rate'].iloc[0]:.1f} times as many as dense BERT in the"
            f" transformers library, at {first['score']:.1f}."
        )
    parts += [" ".join(told)]
    parts += [
        f"One training of each, scores on {about['examples']} test examples, times on one in"
        f" {about['every']}; batches of similar length, tokenised before. int8 is dynamic and"
        " takes the range of what it multiplies from the whole batch. FLOPs do not know of int8."
    ]
    sizes = list(dict.fromkeys(table["batch_size"]))
    rows = []
    for name, own in table.groupby("contender", sort=False):
        own = own.set_index("batch_size")
        row = {"": name, "FLOPs": f"{own['cost_relative'].iloc[0]:.0%}"}
        for size in sizes:
            one = own.loc[size]
            row[f"texts/s, batch {size}"] = f"{one['rate']:.0f}"
            row[f"time, batch {size}"] = (
                f"{one['time_relative']:.0%} ({one['time_low']:.0%} to {one['time_high']:.0%})"
            )
        row["score"] = " / ".join(dict.fromkeys(f"{own.loc[s, 'score']:.1f}" for s in sizes))
        rows.append(row)
    parts += [markdown_table(pd.DataFrame(rows))]
    parts += [
        "Time is a share of dense BERT's by the transformers library, the median over rounds with"
        " quartiles. Two scores: at the two sizes of batch."
    ]
    parts += [f"{about['machine']}; {about['versions']}; commit {about['commit']}:"]
    parts += [f"    {about['command']}"]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="a run's folder")
    parser.add_argument("task", help="one whose models it has published")
    parser.add_argument("--entries", nargs="+", default=list(ENTRIES))
    parser.add_argument("--batch", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--timed", type=int, default=300, help="about so many of them are timed")
    parser.add_argument("--most", type=int, help="so many of the test examples")
    parser.add_argument("--out", type=Path, help="to write, without an ending: .csv, .md")
    args = parser.parse_args()
    spec = task(args.task)
    columns = read_columns(Results(args.results).split(args.task, "test"))
    examples = list(map(Example, columns["input_ids"], columns["token_type_ids"]))[: args.most]
    labels = np.array(columns["label"])[: args.most]
    missing = [name for name in ONNX if installed(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; rows of ONNX Runtime are left out")
    if not has_bf16():
        print("the processor does not compute in bf16; its rows are left out")
    with tempfile.TemporaryDirectory() as folder:
        onnx = None if missing else Path(folder)
        found = contenders(args.results / "models" / args.task, args.entries, onnx)
        table = compared(
            found, examples, labels, spec, batches=args.batch,
            repeats=args.repeats, timed=args.timed,
        )  # fmt: skip
    here = machine(torch.device("cpu"))
    about = {
        "title": spec.title,
        "examples": str(len(examples)),
        "every": str(step(len(examples), args.timed)),
        "machine": f"{here.threads} threads of {here.device}",
        "versions": ", ".join(f"{name} {installed(name)}" for name in PACKAGES if installed(name)),
        "commit": str(commit()),
        "command": shlex.join(["python", *sys.argv]),
    }
    print(page(table, about))
    if args.out is not None:
        write_csv(table.assign(**about), args.out.with_suffix(".csv"))
        write_text(args.out.with_suffix(".md"), page(table, about))


if __name__ == "__main__":
    main()
