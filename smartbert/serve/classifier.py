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

from smartbert.cost import CostModel, convention
from smartbert.criteria import log_softmax
from smartbert.errors import UserError, first_line, unknown
from smartbert.model.configuration import AdaptiveBertConfig, architecture
from smartbert.model.folder import check_folder, load_model
from smartbert.points import PublishedPoint, check_budget, within
from smartbert.policies import Decisions, Policy
from smartbert.results import TOKENIZER
from smartbert.serve.engine import WINDOW, Answer, Engine, Example
from smartbert.serve.inputs import Rejected
from smartbert.tasks import TASKS

DEVICES = ("cpu", "cuda")


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


class Classifier:
    """Classifies texts with a trained model.

    Args:
        folder: a published model, or a training's own folder.
        point, budget: which stored thresholds to use (`stored_policy`); neither: the
            config's.
        policy: thresholds to use in place of any stored ones.
        dtype: "fp32" or "bf16".
        device: "auto" takes a CUDA GPU where there is one.

    One classifier may serve many threads: nothing in it changes after it is made.

    Raises:
        UserError: if the folder holds no model of ours, or not the wanted thresholds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        point: str | None = None,
        budget: float | None = None,
        policy: Policy | None = None,
        dtype: str = "fp32",
        device: str = "auto",
    ):
        from tokenizers import Tokenizer

        check_folder(folder)
        self.model = model = load_model(folder)
        model.to(device=pick_device(device))  # type: ignore[call-arg]  # the library's wrapper hides its types
        if point is not None or budget is not None:
            policy = stored_policy(model.config, point=point, budget=budget)
        self.engine = Engine(model, policy, dtype=dtype)
        self.config = config = model.config
        self.max_tokens = min(config.max_tokens or config.positions, config.positions)
        # Two of them: truncation is a tokenizer's state, which no thread may switch for others.
        self.tokenizer, self.cutting = (
            Tokenizer.from_file(str(folder / TOKENIZER[0])) for _ in range(2)
        )
        for tokenizer in (self.tokenizer, self.cutting):
            tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.cutting.enable_truncation(self.max_tokens)
        spec = TASKS.get(config.task or "")  # of folders that do not say their columns
        self.columns = tuple(config.columns or (spec.columns if spec else ())) or None
        self.names = config.names
        self.cost = CostModel(architecture(config), convention("flops"))

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
        first, second = (*texts, None)[:2]
        encoded = self.tokenizer.encode(first, second)
        cut = len(encoded.ids) - self.max_tokens
        if cut > 0:
            encoded = self.cutting.encode(first, second)
        if not encoded.ids:
            return Rejected("this model's tokenizer makes no token of it")
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
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                half = f"\\u{ord(text[error.start]):04x}"
                return f"{name} has half a character ({half}) at place {error.start + 1}: no text"
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
            label=self.names[label],
            score=round(float(np.exp(log_softmax(answer.logits)[label])), 6),
            exit_layer=answer.exit_layer,
            layers=int(answer.executed.sum()),
            relative_flops=round(float(share), 6),
            truncated=cut,
        )


def pick_device(name: str) -> torch.device:
    """Return the device of a name; "auto" takes a CUDA GPU where there is one.

    Raises:
        UserError: if there is no such device here, or answers were never checked on its kind.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    known = f"known: auto, {', '.join(DEVICES)}, cuda:1, ...; set by --device"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device {name!r}; {known}") from None
    if device.type not in DEVICES:
        raise UserError(f"no answer was ever checked on device {name!r}; {known}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"no device {name!r} here: {first_line(error)}; {known}") from None
    return device


def to_json(number: int, answer: Prediction | Rejected) -> str:
    """Return an answer as a JSON line."""
    return json.dumps({"line": number, **asdict(answer)})  # ASCII: any terminal can show it


def stored_policy(
    config: AdaptiveBertConfig, *, point: str | None = None, budget: float | None = None
) -> Policy:
    """Return the policy of a model that was published with its operating points.

    Args:
        config: the model's, with `operating_points` and `front` as `publishing` writes them.
        point: name of an operating point.
        budget: most mean cost on tune as a share of dense BERT's; of the settings that tuning chose
            for budgets the dearest within it is taken.

    Raises:
        UserError: if the model carries no such point, or nothing within the budget, or if that is
            no share of a cost.
    """
    if budget is not None:
        check_budget(budget)
    points, front = stored_points(config), _stored_front(config)
    if not points:
        raise UserError(
            "this model carries no operating points; publish it with `snakemake models_<task>`, or"
            " leave --point and --budget out to use the thresholds of its config"
        )
    if point is not None:
        if point not in points:
            raise unknown("operating point", point, points, setting="--point")
        return points[point].policy
    if budget is None:
        raise ValueError("a point or a budget is needed")
    if not front:
        raise UserError(
            "tuning chose no setting of this model for a budget; take one of its points"
            f" ({', '.join(points)}) by --point"
        )
    allowed = [setting for setting in front if within(setting.tune_cost, budget)]
    if not allowed:
        least = min(setting.tune_cost for setting in front)
        raise UserError(
            f"no setting of this model costs at most {budget:g} of dense BERT, the cheapest has"
            f" {least:.2f}; set by --budget"
        )
    return max(allowed, key=lambda setting: (setting.tune_cost, setting.tune_score)).policy


def stored_points(config: AdaptiveBertConfig) -> dict[str, PublishedPoint]:
    """Return the operating points that a model carries, by name; none if it is not published.

    Raises:
        UserError: if they are damaged.
    """
    return {name: _point(point) for name, point in (config.operating_points or {}).items()}


def _stored_front(config: AdaptiveBertConfig) -> list[PublishedPoint]:
    return [_point(setting) for setting in config.front or ()]


def _point(values: object) -> PublishedPoint:
    try:
        return PublishedPoint.from_json(values)
    except ValueError as error:
        raise UserError(
            f"the model's config.json is damaged: operating point: {error}; publish it again"
        ) from None
