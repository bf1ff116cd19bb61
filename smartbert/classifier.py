"""Texts in, labels out: a published model folder with its tokenizer and engine.

An input that cannot be read is answered by a `Rejected` in its place; the others are not lost.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from smartbert.configuration import AdaptiveBertConfig
from smartbert.cost import Architecture, CostModel, convention
from smartbert.errors import UserError
from smartbert.inference import WINDOW, Answer, Engine, Example
from smartbert.points import stored_policy
from smartbert.policies import Policy, log_softmax
from smartbert.recording import load_model
from smartbert.replay import Decisions
from smartbert.tasks import TASKS


@dataclass(frozen=True)
class Prediction:
    """The answer to one text.

    Attributes:
        score: probability of the label.
        exit_layer: last layer visited, 1-based.
        layers: number of layers that ran.
        relative_flops: cost as a share of dense BERT's on the same text (convention `flops`).
        truncated: tokens that were cut off.
    """

    label: str
    score: float
    exit_layer: int
    layers: int
    relative_flops: float
    truncated: int


@dataclass(frozen=True)
class Rejected:
    """Why one input has no answer."""

    error: str


def check_folder(folder: Path) -> None:
    """Raise UserError if a folder does not hold a model of this package."""
    path = folder / "config.json"
    try:
        kind = json.loads(path.read_text())["model_type"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{folder} is no model folder: it has no readable config.json; set by --model"
        ) from None
    known = AdaptiveBertConfig.model_type
    if kind != known:
        raise UserError(f"{folder} holds a model of type {kind!r}; known: {known}; set by --model")
    if not (folder / "tokenizer.json").is_file():
        raise UserError(f"{folder} has no tokenizer.json; set by --model")


class Classifier:
    """Classifies texts with a trained model.

    Args:
        folder: a published model, or a training's own folder.
        point, budget: which stored thresholds to use (`points.stored_policy`); neither: the
            config's.
        dtype: "fp32" or "bf16".
        device: "auto" takes a GPU where there is one.

    Raises:
        UserError: if the folder holds no model of ours, or not the wanted thresholds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        point: str | None = None,
        budget: float | None = None,
        dtype: str = "fp32",
        device: str = "auto",
    ):
        from tokenizers import Tokenizer

        check_folder(folder)
        self.model = model = load_model(folder).to(pick_device(device))
        policy = None
        if point is not None or budget is not None:
            policy = stored_policy(model.config, point=point, budget=budget)
        self.engine = Engine(model, policy, dtype=dtype)
        self.config = config = model.config
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.max_tokens = config.max_tokens or config.max_position_embeddings
        spec = TASKS.get(config.task)
        self.columns = spec.columns if spec else None
        self.cost = CostModel(Architecture.of(config), convention("flops"))

    @property
    def policy(self) -> Policy:
        """The thresholds in use."""
        return self.engine.policy

    def __call__(
        self,
        texts: Iterable[tuple[str, ...] | Rejected],
        *,
        batch_size: int = 32,
        window: int = WINDOW,
    ) -> Iterator[Prediction | Rejected]:
        """Answer each input in order; one that is already rejected passes through.

        Args:
            texts: tuples of one or two texts.
            window: batches read ahead (`Engine.stream`).
        """
        source = iter(texts)
        while held := list(islice(source, batch_size * window)):
            read = [text if isinstance(text, Rejected) else self.encode(text) for text in held]
            good = [one for one in read if not isinstance(one, Rejected)]
            examples = [example for example, _ in good]
            answers = self.engine.stream(examples, batch_size=batch_size, window=window)
            for one in read:
                if isinstance(one, Rejected):
                    yield one
                else:
                    yield self._prediction(*one, next(answers))

    def encode(self, texts: tuple[str, ...]) -> tuple[Example, int] | Rejected:
        """Return the tokens of an input and how many were cut off, or why it is rejected."""
        wrong = self._wrong(texts)
        if wrong:
            return Rejected(wrong)
        self.tokenizer.no_truncation()
        encoded = self.tokenizer.encode(*texts)
        cut = len(encoded.ids) - self.max_tokens
        if cut > 0:
            self.tokenizer.enable_truncation(self.max_tokens)
            encoded = self.tokenizer.encode(*texts)
        return Example(encoded.ids, encoded.type_ids), max(cut, 0)

    def _wrong(self, texts: tuple[str, ...]) -> str | None:
        """Return what is wrong with an input, None if nothing."""
        wanted = self.columns or ("text",) * min(max(len(texts), 1), 2)
        names = ", ".join(wanted)
        if len(texts) != len(wanted):
            fields = "field" if len(wanted) == 1 else "fields"
            return f"expected {len(wanted)} {fields} ({names}), found {len(texts)}"
        for name, text in zip(wanted, texts, strict=True):
            if not isinstance(text, str):
                return f"{name} is {type(text).__name__}, expected text"
            if not text.strip():
                return f"{name} is empty"
        return None

    def _prediction(self, example: Example, cut: int, answer: Answer) -> Prediction:
        decisions = Decisions(
            answer.logits[None],
            np.array([answer.exit_layer]),
            np.array([answer.exited]),
            answer.executed[None],
        )
        share = self.cost.relative(decisions, self.policy, np.array([len(example.ids)]))[0]
        label = int(answer.logits.argmax())
        return Prediction(
            label=self.config.id2label[label],
            score=round(float(np.exp(log_softmax(answer.logits)[label])), 6),
            exit_layer=answer.exit_layer,
            layers=int(answer.executed.sum()),
            relative_flops=round(float(share), 6),
            truncated=cut,
        )


def pick_device(name: str) -> torch.device:
    """Return the device of a name; "auto" takes a GPU where there is one.

    Raises:
        UserError: if there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"no device {name!r} here: {reason}; set by --device") from None
    return device


def read_lines(
    lines: Iterable[bytes], *, jsonl: bool, columns: tuple[str, ...] | None
) -> Iterator[tuple[str, ...] | Rejected]:
    """Return the texts of each line of a file: tab-separated fields, or a JSON object.

    Args:
        columns: keys of the object, in order; None takes "text" and, where given, "text_pair". The
            general names serve for any task.
    """
    for line in lines:
        try:
            text = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            yield Rejected(f"not UTF-8 text: {error.reason} at byte {error.start}")
            continue
        yield _fields(text, columns) if jsonl else tuple(text.split("\t"))


def _fields(line: str, columns: tuple[str, ...] | None) -> tuple[str, ...] | Rejected:
    try:
        values = json.loads(line)
    except ValueError as error:
        return Rejected(f"not JSON: {error}")
    except RecursionError:
        return Rejected("not JSON that can be read: nested too deeply")
    if not isinstance(values, dict):
        return Rejected(f"expected a JSON object, found {type(values).__name__}")
    general = [name for name in ("text", "text_pair") if name in values]
    names = columns if columns and set(columns) <= set(values) else general
    if not names:
        wanted = "text, text_pair" if columns is None else f"{', '.join(columns)}, or text"
        return Rejected(f"no key of {wanted}; found: {', '.join(values) or 'none'}")
    return tuple(values[name] for name in names)


def to_json(number: int, answer: Prediction | Rejected) -> str:
    """Return an answer as a JSON line."""
    return json.dumps({"line": number, **asdict(answer)}, ensure_ascii=False)
