"""Command line: classify texts with a published model, time it, or check a trace from elsewhere.

    smartbert predict --model FOLDER [--budget 0.5] [FILE]
    smartbert bench --model FOLDER
    smartbert check-trace FILE

The command comes with `pip install .`; `python -m smartbert` is the same.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from smartbert.errors import UserError
from smartbert.points import POINTS

if TYPE_CHECKING:
    from smartbert.serve.classifier import Classifier
    from smartbert.serve.inputs import Rejected


def main(argv: list[str] | None = None) -> int:
    """Run a command; return 0, 1 where some lines were rejected, or 2 for a mistake of the user."""
    called = "smartbert" if Path(sys.argv[0]).stem == "smartbert" else "python -m smartbert"
    parser = argparse.ArgumentParser(prog=called, description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser("predict", help="classify the lines of a file, as JSON lines")
    predict.add_argument("file", nargs="?", default="-", help="text file; - or nothing: stdin")
    predict.add_argument("--jsonl", action="store_true", help="lines are JSON (default: *.jsonl)")
    bench = commands.add_parser("bench", help="time it against dense BERT on this machine")
    bench.add_argument("file", nargs="?", help="text file to time on; nothing: made-up texts")
    bench.add_argument("--jsonl", action="store_true", help="lines are JSON (default: *.jsonl)")
    bench.add_argument("--examples", type=positive, default=256, help="texts that are timed")
    bench.add_argument("--repeats", type=positive, default=5, help="rounds")
    traced = commands.add_parser("check-trace", help="say what is wrong with a trace, line by line")
    traced.add_argument("file", type=Path, help="trace-tune.safetensors or trace-test.safetensors")
    for command in (predict, bench):
        command.add_argument("--model", type=Path, required=True, help="published model folder")
        command.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
        command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    which = predict.add_mutually_exclusive_group()
    which.add_argument("--budget", type=positive_share, help="most mean cost, of dense BERT's")
    which.add_argument("--point", help=f"operating point: {', '.join(POINTS)}")
    predict.add_argument("--batch-size", type=positive, default=32)
    predict.add_argument(
        "--window", type=positive, default=16, help="batches read ahead; 1 answers soonest"
    )
    bench.add_argument("--batch-size", type=sizes, default=[1, 32], help="such as 1,32")
    args = parser.parse_args(argv)
    os.environ["HF_HUB_OFFLINE"] = "1"  # a model folder needs no network
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        commands_by_name = {"predict": run_predict, "bench": run_bench, "check-trace": run_check}
        return commands_by_name[args.command](args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def load(
    args: argparse.Namespace, *, point: str | None = None, budget: float | None = None
) -> Classifier:
    """Return the classifier of --model, without the library's progress bars."""
    from transformers.utils import logging

    from smartbert.serve.classifier import Classifier

    logging.disable_progress_bar()
    return Classifier(args.model, point=point, budget=budget, dtype=args.dtype, device=args.device)


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def sizes(text: str) -> list[int]:
    """Return whole numbers of at least 1, separated by commas."""
    return [positive(part.strip()) for part in text.split(",")]


def positive_share(text: str) -> float:
    """Return a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open a file of texts, or stdin for "-"."""
    if name == "-":
        yield sys.stdin.buffer
        return
    path = Path(name)
    if not path.is_file():
        raise UserError(f"cannot read {name}: no such file")
    with path.open("rb") as source:
        yield source


def inputs(
    args: argparse.Namespace, source: Iterable[bytes], classifier: Classifier
) -> Iterator[tuple[str, ...] | Rejected]:
    """Return the texts of each line, as JSON where the options or the file's name say so."""
    from smartbert.serve.inputs import read_lines

    jsonl = args.jsonl or args.file.endswith(".jsonl")
    return read_lines(source, jsonl=jsonl, columns=classifier.columns)


def run_predict(args: argparse.Namespace) -> int:
    """Write a JSON line for each line of the input."""
    with opened(args.file) as source:
        from smartbert.serve.classifier import Prediction, to_json

        classifier = load(args, point=args.point, budget=args.budget)
        texts = inputs(args, source, classifier)
        answers = classifier(texts, batch_size=args.batch_size, window=args.window)
        found = rejected = truncated = 0
        spent = 0.0
        for number, answer in enumerate(answers, 1):
            print(to_json(number, answer), flush=args.window == 1)
            if isinstance(answer, Prediction):
                found, spent = found + 1, spent + answer.relative_flops
                truncated += answer.truncated > 0
            else:
                rejected += 1
    sys.stdout.flush()
    parts = [f"{found} classified"]
    if found:
        parts.append(f"{spent / found:.0%} of dense BERT's FLOPs")
    if truncated:
        parts.append(f"{truncated} truncated to {classifier.max_tokens} tokens")
    if rejected:
        parts.append(f"{rejected} rejected (see their `error`)")
    print(", ".join(parts), file=sys.stderr)
    return 1 if rejected else 0


def run_check(args: argparse.Namespace) -> int:
    """Print what is wrong with a trace, a line each, or what it holds."""
    from smartbert.trace.foreign import inspect
    from smartbert.trace.trace import Trace

    told = inspect(args.file)
    for line in told:
        print(f"{args.file}: {line}")
    if not told:
        trace = Trace.load(args.file)
        meta = trace.meta
        print(
            f"{args.file}: can be used: {meta.method} on {meta.task}, seed {meta.seed},"
            f" {meta.split}; {len(trace)} examples, {trace.depth} layers, rule {meta.criterion}"
        )
    return 1 if told else 0


def run_bench(args: argparse.Namespace) -> int:
    """Print a table of wall-clock ratios at the model's operating points."""
    from smartbert.serve.inputs import Rejected
    from smartbert.serve.latency import bench, machine, made_up_examples

    classifier = load(args)
    if args.file:
        with opened(args.file) as source:
            texts = inputs(args, source, classifier)
            read = [classifier.encode(t) for t in texts if not isinstance(t, Rejected)]
        examples = [one[0] for one in read if not isinstance(one, Rejected)][: args.examples]
        if not examples:
            raise UserError(f"{args.file} holds no line that can be classified")
        what = f"the texts of {args.file}"
    else:
        examples = made_up_examples(classifier.config, args.examples)
        what = "random tokens that exit and skip in the shares seen on test"
    about = machine(classifier.model.device)
    print(f"{about.device}, {about.threads} threads, torch {about.torch}, {args.dtype};")
    print(f"{len(examples)} inputs: {what}")
    print(
        bench(
            classifier.model,
            examples,
            batch_sizes=args.batch_size,
            repeats=args.repeats,
            dtype=args.dtype,
            from_usage=not args.file,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
