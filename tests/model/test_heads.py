"""Kinds of head: what each reads, what is shared, and names that saved models had before."""

import json

import pytest
import torch
from conftest import DEPTH
from transformers import AutoModelForSequenceClassification

from smartbert.errors import UserError
from smartbert.head_kinds import HEAD_KINDS
from smartbert.model.configuration import architecture
from smartbert.model.heads import HEADS

SHARED = {"first": True, "mean": True, "attention": False}


def test_there_is_a_head_of_every_kind():
    assert set(HEADS) == set(HEAD_KINDS)


def test_mean_is_the_same_head_on_the_mean_of_the_tokens(tiny_model, batch):
    first, mean = (tiny_model(exits=kind, head=kind) for kind in ("first", "mean"))
    mean.load_state_dict(first.state_dict())
    hidden, mask = torch.randn(12, 14, 32), batch["attention_mask"]
    for row, length in enumerate(mask.sum(1).tolist()):
        average = hidden[row, :length].mean(0)[None, None]
        one = torch.ones(1, 1)
        for own, other in ((mean.head, first.head), (mean.exits[1], first.exits[1])):
            torch.testing.assert_close(own(hidden, mask)[row : row + 1], other(average, one))


def test_padding_changes_no_mean(tiny_model, batch):
    head, mask = tiny_model(head="mean").head, batch["attention_mask"]
    hidden = torch.randn(12, 14, 32)
    other = torch.where(mask[:, :, None] == 1, hidden, 1e4)
    assert torch.equal(head(hidden, mask), head(other, mask))


@pytest.mark.parametrize("kind", ["first", "mean"])
def test_a_shared_pooler_is_the_final_heads_and_saved_once(tiny_model, batch, tmp_path, kind):
    model = tiny_model(exits=kind, head=kind, shared_pooler=True)
    names = [name for name, _ in model.named_parameters() if "pooler" in name]
    assert names == ["head.pooler.weight", "head.pooler.bias"]
    hidden, mask = torch.randn(12, 14, 32), batch["attention_mask"]
    expected = model.exits[2](hidden, mask)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    torch.testing.assert_close(loaded.exits[2](hidden, mask), expected)
    loaded.head.pooler.weight.data.zero_()
    assert not torch.allclose(loaded.exits[2](hidden, mask), expected)


@pytest.mark.parametrize(("exits", "head"), [("first", "mean"), ("mean", "attention")])
def test_a_pooler_that_the_final_head_lacks_cannot_be_shared(tiny_model, exits, head):
    with pytest.raises(UserError, match=rf"`exits: {exits}` .* share .*`head: {head}` has not"):
        tiny_model(exits=exits, head=head, shared_pooler=True)


@pytest.mark.parametrize(
    ("old", "parts"),
    [
        ({"exits": "pooler", "head": "pooler"}, {"exits": "first", "head": "first"}),
        (
            {"exits": "shared_pooler", "head": "pooler"},
            {"exits": "first", "head": "first", "shared_pooler": True},
        ),
        ({"head": "pooler"}, {"head": "first"}),
    ],
)
def test_a_model_saved_with_older_names_loads_as_it_was(tiny_model, batch, tmp_path, old, parts):
    model = tiny_model(**parts)
    model.config.criterion = "entropy"
    model.config.exit_thresholds = [0.6] * (DEPTH - 1) if "exits" in parts else None
    expected = model(**batch)
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    said = json.loads(path.read_text())
    del said["shared_pooler"]
    path.write_text(json.dumps({**said, **old}))
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert torch.equal(loaded(**batch).logits, expected.logits)
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert architecture(loaded.config) == architecture(model.config)
    assert loaded.config.shared_pooler == parts.get("shared_pooler", False)
