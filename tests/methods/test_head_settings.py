"""What the settings `exits`, `head` and `heads_rate` make of a method."""

import pytest
import torch
from methods.test_golden import OPTIMISATION, backbone
from transformers import AutoConfig

from baselines.loading import load
from baselines.registry import METHODS
from smartbert.errors import UserError
from smartbert.head_kinds import HEAD_KINDS
from smartbert.model.configuration import architecture
from smartbert.model.encoder import Pretrained
from smartbert.model.heads import AttentionHead
from smartbert.tasks import task
from smartbert.train.stages import build

LABELS = task("mnli").labels
JOINT = {  # methods whose heads train together with the layers, and those heads
    "full_bert": ("head.",),
    "truncated_bert": ("head.",),
    "pabee": ("exits.", "head."),
    "skip_only": ("head.",),
    "berxit": ("exits.", "head.", "certainty."),
    "layerdrop": ("head.",),
    "truncated_distilled": ("head.",),
}


@pytest.fixture
def folder(tmp_path):
    """A folder with a backbone."""
    backbone(tmp_path / "backbone")
    return tmp_path


def make(method: str, folder, parent=None, **settings):
    """A method's model before its first step."""
    subject = load(method)
    return build(
        subject,
        {**subject.defaults, **settings},
        backbone=folder / "backbone",
        parent=parent,
        tune={},
        task=task("mnli"),
        seed=1,
    )


@pytest.mark.parametrize("name", METHODS)
def test_records_say_the_defaults_that_methods_have(name):
    defaults = load(name).defaults
    kinds = {key: METHODS[name].settings[key] for key in ("exits", "head") if key in defaults}
    for key, rule in kinds.items():
        assert rule == {"enum": list(HEAD_KINDS), "default": defaults[key]}
    assert {"exits", "head", "heads_rate"} & set(METHODS[name].settings) == {
        "exits", "head", "heads_rate"
    } & set(defaults)  # fmt: skip
    assert ("heads_rate" in defaults) == (name in JOINT)


@pytest.mark.parametrize("name", JOINT)
def test_heads_that_train_with_the_layers_may_have_a_rate_of_their_own(name):
    subject = load(name)
    for rate, expected in ((None, {}), (1e-3, dict.fromkeys(JOINT[name], 1e-3))):
        settings = {**subject.defaults, "heads_rate": rate}
        (stage,) = subject.stages(settings, OPTIMISATION, layers=4)
        assert dict(stage.rates) == expected


@pytest.mark.parametrize("kind", HEAD_KINDS)
@pytest.mark.parametrize("name", ["full_bert", "truncated_bert", "skip_only", "random_skip"])
def test_a_final_head_is_of_the_kind_that_is_asked_for(name, kind, folder):
    subject = load(name)
    extra = {"depth": 2} if name == "truncated_bert" else {}
    settings = {**subject.defaults, **extra, "head": kind}
    config = subject.configure(
        AutoConfig.from_pretrained(folder / "backbone"), settings, labels=LABELS
    )
    assert architecture(config).head == kind and architecture(config).exits is None


@pytest.mark.parametrize("name", ["deebert", "smartbert", "exit_only", "fastbert", "berxit"])
@pytest.mark.parametrize("kind", ["first", "mean"])
def test_exits_with_poolers_start_from_the_pretrained_one_and_have_their_own(name, kind, folder):
    settings = {"exits": kind, **({"eta": 0} if "eta" in load(name).defaults else {})}
    model = make(name, folder, **settings)
    start = Pretrained(folder / "backbone", model.config.record).pooler()["weight"]
    assert all(torch.equal(head.pooler.weight, start) for head in model.exits)
    assert len({id(head.pooler) for head in model.exits}) == 3


def test_attention_exits_share_nothing_and_have_contrast_heads_where_they_are_asked_for(folder):
    for name, contrasts in (("pabee", False), ("deebert", False), ("smartbert", True)):
        model = make(name, folder, exits="attention", head="attention")
        assert all(type(head) is AttentionHead for head in (*model.exits, model.head))
        assert len({id(head.embed.weight) for head in (*model.exits, model.head)}) == 4
        assert all((head.contrast is not None) == contrasts for head in model.exits)


@pytest.mark.parametrize("name", ["smartbert", "exit_only"])
@pytest.mark.parametrize("kind", ["first", "mean"])
def test_a_contrast_of_other_exits_than_attention_heads_is_refused(name, kind, folder):
    with pytest.raises(UserError, match=rf"`exits: {kind}` .*only attention.*`.*eta` to 0"):
        make(name, folder, exits=kind)


def test_pabees_exits_need_a_final_head_of_their_kind(folder):
    with pytest.raises(UserError, match=r"`exits: mean` .* share .*; set `.*head` to mean"):
        make("pabee", folder, exits="mean")
    own = make("pabee", folder, exits="attention")  # shares nothing
    assert not own.config.shared_pooler and own.config.head == "first"


def test_a_parent_with_another_head_is_refused_though_its_weights_would_fit(folder):
    parent = make("full_bert", folder, head="mean")
    parent.save_pretrained(folder / "parent")
    with pytest.raises(UserError, match=r"`head` of .* is first, and mean in the model that it"):
        make("deebert", folder, folder / "parent")
    model = make("deebert", folder, folder / "parent", head="mean", exits="attention")
    assert torch.equal(model.head.pooler.weight, parent.head.pooler.weight)


def test_a_parent_saved_with_older_names_is_continued(folder):
    parent = make("full_bert", folder)
    parent.save_pretrained(folder / "parent")
    path = folder / "parent" / "config.json"
    path.write_text(path.read_text().replace('"head": "first"', '"head": "pooler"'))
    assert '"head": "pooler"' in path.read_text()
    assert make("deebert", folder, folder / "parent").config.head == "first"
