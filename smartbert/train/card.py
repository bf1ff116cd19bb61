"""Steps at a card's speed: fit lies on the card, batches have a few widths, each kind of step is
captured once and replayed, and nothing of a step is read on the host.

On a CPU this can be asked for, to see that it computes the same. There it is not used: batches are
padded to their own longest example, and numbers stay as they are.

Shapes: N examples of fit, n of a batch, T tokens.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from smartbert.errors import UserError
from smartbert.methods.contract import Batch, Progress
from smartbert.model.captured import Captured, Held
from smartbert.model.modeling import AdaptiveBert
from smartbert.tasks import Columns
from smartbert.train.states import Collator
from smartbert.train.trainer import Log, StageTrainer

LOOK = 50  # steps between two looks at whether all losses were finite
WIDTHS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # tokens of a batch

Run = Callable[[Hashable, Callable[[Held], Held], Held], Held]


def width_of(longest: int, *, exact: bool) -> int:
    """Return how many tokens a batch is padded to.

    Args:
        exact: whether padding takes part in the loss.
    """
    if exact:
        return longest
    return next((width for width in WIDTHS if width >= longest), longest)


class FitOnCard:
    """All of fit on the device, padded: a batch is its row numbers and a width."""

    def __init__(self, fit: Columns, *, padding: int, device: torch.device):
        n, widest = len(fit["label"]), width_of(max(fit["length"]), exact=False)
        ids = np.full((n, widest), padding, dtype=np.int32)
        types = np.zeros((n, widest), dtype=np.int8)
        texts = zip(fit["input_ids"], fit["token_type_ids"], strict=True)
        for row, (own, kinds) in enumerate(texts):
            ids[row, : len(own)], types[row, : len(kinds)] = own, kinds
        self.ids, self.types, self.labels, self.lengths = (
            torch.as_tensor(values).to(device)
            for values in (ids, types, np.array(fit["label"]), np.array(fit["length"]))
        )

    def batch(self, rows: Tensor, width: int) -> Batch:
        """Return what the library's collator makes of some rows (n,), padded to a width."""
        places = torch.arange(width, device=rows.device)
        return {
            "input_ids": self.ids[rows, :width].long(),
            "token_type_ids": self.types[rows, :width].long(),
            "attention_mask": (places < self.lengths[rows][:, None]).long(),
            "labels": self.labels[rows],
        }


class CardTrainer(StageTrainer):
    """StageTrainer whose steps a card runs without waiting for the host.

    Args:
        fit: the columns that are trained on.
        run: calls a function of tensors by key: `Captured` replays it.
        given: as StageTrainer takes it.
    """

    def __init__(self, *words: object, fit: Columns, run: Run | None = None, **given: object):
        super().__init__(*words, **given)  # type: ignore[arg-type]  # handed on as they are
        self.fit = FitOnCard(fit, padding=self.subject.config.padding, device=self.subject.device)
        self.run: Run = Captured() if run is None else run
        self.bad = torch.zeros((), dtype=torch.int64, device=self.subject.device)
        self.gradients: dict[nn.Parameter, Tensor] = {}
        self.touched: dict[Hashable, list[nn.Parameter]] = {}

    def fit_collator(self, usual: Collator) -> Collator:
        """Return what makes batches of fit: row numbers (n,) and a width."""
        return self._numbered  # type: ignore[return-value]  # in place of a batch

    def _numbered(self, examples: Sequence[Mapping[str, int]]) -> dict[str, object]:
        rows = torch.tensor([example["row"] for example in examples])
        longest = max(self.lengths[row] for row in rows.tolist())
        return {"rows": rows, "width": width_of(longest, exact=self.stage.exact_widths)}

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Return the loss of a step, whose gradients are then in their places."""
        rows, width = inputs["rows"].to(self.fit.ids.device, non_blocking=True), inputs["width"]
        progress = self.progress()
        if self.stage.graph is None:
            return super().training_step(model, self.fit.batch(rows, int(width)))
        model.train()
        key = (len(rows), int(width), self.stage.graph(progress))
        if key not in self.touched:
            self._touch(key, model, rows, int(width), progress)
        for parameter in self.gradients:  # one that a step does not touch is not decayed either
            parameter.grad = None
        for parameter in self.touched[key]:
            parameter.grad = self.gradients[parameter]

        def step(held: Held) -> Held:
            torch._foreach_zero_([self.gradients[p] for p in self.touched[key]])
            return self._backward(model, held["rows"], int(width), progress)

        found = self.run(key, step, {"rows": rows})
        loss = found["loss"].clone()
        self._note(loss, progress)
        self.add({name.removeprefix("part "): v for name, v in found.items() if name != "loss"})
        return loss

    def _backward(self, model: nn.Module, rows: Tensor, width: int, progress: Progress) -> Held:
        """Compute a loss and its gradients; return it and its parts."""
        with self.compute_loss_context_manager():
            loss, parts = self.losses(model, self.fit.batch(rows, width), progress)
        loss.backward()
        told = {f"part {name}": value.detach() for name, value in parts.items()}
        return {"loss": loss.detach(), **told}

    def _touch(
        self, key: Hashable, model: nn.Module, rows: Tensor, width: int, progress: Progress
    ) -> None:
        """Find out which parameters a kind of step gives a gradient, and make room for it."""
        trained = [p for p in model.parameters() if p.requires_grad]
        for parameter in trained:
            parameter.grad = None
        self._backward(model, rows, width, progress)
        self.touched[key] = [p for p in trained if p.grad is not None]
        for parameter in self.touched[key]:
            self.gradients.setdefault(parameter, torch.zeros_like(parameter))
            parameter.grad = None

    def count(self, loss: Tensor, parts: Mapping[str, Tensor], progress: Progress) -> None:
        """Add a step's losses to those of the epoch; whether they are finite is looked at now and
        then.
        """
        self._note(loss.detach(), progress)
        self.add(parts)

    def _note(self, loss: Tensor, progress: Progress) -> None:
        """Note on the device the first step whose loss was not finite."""
        fine = torch.isfinite(loss) | (self.bad > 0)
        self.bad = torch.where(fine, self.bad, progress.step)
        if progress.step % LOOK == 0:
            self.look()

    def look(self) -> None:
        """Raise Diverged if a loss so far was not finite."""
        if step := int(self.bad):
            raise self.diverged(step, "not finite")

    def log(self, logs: Log, start_time: float | None = None) -> None:
        """Look at the losses before they are told."""
        self.look()
        super().log(logs, start_time)


def whole_mask(*words: object, mask: Callable[..., object], **given: object) -> object:
    """Return the mask that an implementation of attention takes, made without a look at whether
    there is padding: the library leaves it out where there is none.
    """
    return mask(*words, **{**given, "allow_is_bidirectional_skip": False})


@contextmanager
def steady(model: AdaptiveBert) -> Iterator[None]:
    """Run a model with attention whose operations do not depend on the batch."""
    encoder = model.encoder
    usual = encoder.config._attn_implementation
    if usual not in ALL_ATTENTION_FUNCTIONS or not encoder._can_set_attn_implementation():
        yield
        return
    own = f"{usual}_steady"
    AttentionInterface.register(own, ALL_ATTENTION_FUNCTIONS[usual])
    mask = partial(whole_mask, mask=ALL_MASK_ATTENTION_FUNCTIONS[usual])
    AttentionMaskInterface.register(own, mask)
    encoder.set_attn_implementation(own)
    try:
        yield
    finally:
        encoder.set_attn_implementation(usual)


def wanted(card: bool | None, device: torch.device) -> bool:
    """Return whether steps are a card's: as said, else on a CUDA device alone in this process.

    Raises:
        UserError: if they are asked for with several cards in sight.
    """
    one = torch.cuda.device_count() <= 1
    if card and not one:
        raise UserError("steps are captured on one card; leave one in CUDA_VISIBLE_DEVICES")
    return (device.type == "cuda" and one) if card is None else card
