"""Command line: classify texts with a published model, time or push it, or check a foreign trace.

    smartbert predict --model FOLDER [--budget 0.5] [FILE]
    smartbert bench --model FOLDER
    smartbert push --model FOLDER --to USER/NAME
    smartbert check-trace FILE ...

The command comes with `pip install .`; `python -m smartbert` is the same.
"""

from __future__ import annotations

import argparse
import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartbert.errors import UserError, unknown
from smartbert.points import POINTS, check_budget
from smartbert.serve.file_kinds import HEAD, check_kind
from smartbert.serve.inputs import FORMS, LINES, UTF8, read_inputs

if TYPE_CHECKING:
    from smartbert.serve.classifier import Classifier
    from smartbert.serve.inputs import Texts


def main(argv: list[str] | None = None) -> int:
    """Run a command; return 0, 1 where some lines were rejected, or 2 for a mistake of the user."""
    called = "smartbert" if Path(sys.argv[0]).stem == "smartbert" else "python -m smartbert"
    parser = argparse.ArgumentParser(prog=called, description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser("predict", help="classify the lines of a file, as JSON lines")
    predict.add_argument("file", nargs="?", default="-", help="text file; - or nothing: stdin")
    bench = commands.add_parser("bench", help="time it against dense BERT on this machine")
    bench.add_argument("file", nargs="?", help="text file to time on; nothing: made-up texts")
    bench.add_argument("--examples", type=positive, default=256, help="texts that are timed")
    bench.add_argument("--repeats", type=positive, default=5, help="rounds")
    push = commands.add_parser("push", help="send a published model to the Hugging Face hub")
    push.add_argument("--model", type=Path, required=True, help="published model folder")
    push.add_argument("--to", required=True, metavar="USER/NAME", help="repository on the hub")
    push.add_argument("--private", action="store_true", help="of a new one: nobody else sees it")
    push.add_argument("--dry-run", action="store_true", help="say what would be sent, send nothing")
    traced = commands.add_parser("check-trace", help="say what is wrong with a trace, line by line")
    traced.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="trace-<split>.safetensors"
    )
    for command in (predict, bench):
        command.add_argument("--model", type=Path, required=True, help="published model folder")
        command.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
        command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
        form = command.add_mutually_exclusive_group()
        for name, text in FORMS.items():
            form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=text)
        command.add_argument(
            "--column", action="append", default=[], metavar="NAME",
            help="column or key of the texts; twice for a pair (default: the task's, or text)",
        )  # fmt: skip
        command.add_argument("--encoding", type=encoding, help="of the file (default: utf-8)")
    which = predict.add_mutually_exclusive_group()
    which.add_argument("--budget", type=number, help="most mean cost, as a share of dense BERT's")
    which.add_argument("--point", help=f"operating point: {', '.join(POINTS)}")
    predict.add_argument("--batch-size", type=positive, default=32)
    predict.add_argument(
        "--window", type=positive, default=16, help="batches read ahead; 1 answers soonest"
    )
    bench.add_argument("--batch-size", type=sizes, default=[1, 32], help="such as 1,32")
    args = parser.parse_args(argv)
    if args.command != "push":
        os.environ["HF_HUB_OFFLINE"] = "1"  # a model folder needs no network
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        commands_by_name = {
            **{"predict": run_predict, "bench": run_bench},
            **{"push": run_push, "check-trace": run_check},
        }
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


def number(text: str) -> float:
    """Return a finite number above 0, a per cent sign taken into account."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def encoding(text: str) -> str:
    """Return an encoding of text by Python's name of it."""
    try:
        found = codecs.lookup(text).name
        if "\n".encode(found).decode(found) != "\n":
            raise LookupError
    except (LookupError, ValueError, TypeError, AttributeError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no encoding of text; such are utf-8, utf-16, cp1252, shift_jis"
        ) from None
    return "utf-8" if found == "utf-8-sig" else found  # a mark is dropped in any


@contextmanager
def opened(name: str) -> Iterator[io.BufferedReader]:
    """Open a file of texts, or stdin for "-"."""
    if name == "-":
        # `Any`: typed as any stream, and used as one that is read
        source: Any = getattr(sys.stdin, "buffer", None)
        if source is None or not source.readable():
            raise UserError("cannot read stdin: it is closed; name a file")
        # A second buffer would wait until it is full, and answers with it.
        yield source if isinstance(source, io.BufferedReader) else io.BufferedReader(source)
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(name).open("rb", buffering=0))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"cannot read {name}: {reason.lower()}") from None
        yield io.BufferedReader(file, HEAD)


def inputs(
    args: argparse.Namespace, source: io.BufferedReader, classifier: Classifier
) -> Iterator[Texts]:
    """Return the texts of each line or row, as the options or else the file's name tell its form.

    Raises:
        UserError: if the file is seen to be something else.
    """
    ending = Path(args.file).suffix.lower().removeprefix(".")
    form = args.form or (ending if ending in FORMS and ending != LINES else None)
    name = "stdin" if args.file == "-" else args.file
    columns = classifier.columns
    if args.column and form in (None, LINES):
        raise UserError(f"--column names a column, and {name} is read as lines; add --csv or --tsv")
    if args.column and columns and len(args.column) != len(columns):
        raise UserError(
            f"this model reads {len(columns)} columns ({', '.join(columns)}), given are"
            f" {', '.join(args.column)}; set by --column, once for each"
        )
    check_kind(
        source.peek(HEAD)[:HEAD], name=name, form=form, encoding=args.encoding, columns=columns
    )
    return read_inputs(
        source,
        form=form or LINES,
        columns=columns,
        chosen=tuple(args.column),
        encoding=args.encoding or UTF8,
        name=name,
    )


class Empty:
    """How many of the inputs that pass by have a text of no characters."""

    def __init__(self) -> None:
        self.number = 0

    def among(self, texts: Iterator[Texts]) -> Iterator[Texts]:
        """Return the same inputs, and count."""
        for one in texts:
            if isinstance(one, tuple):
                self.number += any(isinstance(text, str) and not text.strip() for text in one)
            yield one


def run_predict(args: argparse.Namespace) -> int:
    """Write a JSON line for each line of the input."""
    if args.budget is not None:
        check_budget(args.budget)
    if args.point is not None and args.point not in POINTS:  # before the model is loaded
        raise unknown("operating point", args.point, POINTS, setting="--point")
    with opened(args.file) as source:
        from smartbert.serve.classifier import Prediction, to_json

        classifier = load(args, point=args.point, budget=args.budget)
        empty = Empty()
        texts = empty.among(inputs(args, source, classifier))
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
    if empty.number:
        parts.append(f"{empty.number} of empty text")
    if truncated:
        parts.append(f"{truncated} truncated to {classifier.max_tokens} tokens")
    if rejected:
        parts.append(f"{rejected} rejected (see their `error`)")
    print(", ".join(parts), file=sys.stderr)
    return 1 if rejected else 0


def run_check(args: argparse.Namespace) -> int:
    """Print what is wrong with traces, a line each, or what they hold."""
    from smartbert.trace.foreign import inspect
    from smartbert.trace.trace import Trace

    bad = False
    for file in args.files:
        told = inspect(file)
        bad = bad or bool(told)
        for line in told:
            print(f"{file}: {line}")
        if not told:
            trace = Trace.load(file)
            meta = trace.meta
            print(
                f"{file}: can be used: {meta.method} on {meta.task}, seed {meta.seed},"
                f" {meta.split}; {len(trace)} examples, {trace.depth} layers, rule {meta.criterion}"
            )
    return 1 if bad else 0


def run_push(args: argparse.Namespace) -> int:
    """Print the files of a published model with their sizes, and send them to the hub."""
    from smartbert.serve.pushing import check_name, push, sizes_of

    sizes = sizes_of(args.model)
    for name, size in sizes.items():
        print(f"{size:>13,}  {name}")
    total = f"{len(sizes)} files, {sum(sizes.values()):,} bytes"
    if args.dry_run:
        check_name(args.to)
        print(f"{total}: would be sent to {args.to}; nothing was")
        return 0
    url = push(args.model, args.to, private=args.private)
    print(f"{total}: sent to {url}")
    return 0


def run_bench(args: argparse.Namespace) -> int:
    """Print a table of wall-clock ratios at the model's operating points."""
    from smartbert.serve.inputs import Rejected
    from smartbert.serve.latency import bench, machine, made_up_examples

    classifier = load(args)
    if args.file:
        with opened(args.file) as source:
            texts = inputs(args, source, classifier)
            read = (classifier.encode(t) for t in texts if not isinstance(t, Rejected))
            good = (one[0] for one in read if not isinstance(one, Rejected))
            examples = list(islice(good, args.examples))
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
