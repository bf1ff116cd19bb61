"""The cost model: the integer identities of docs/methods.md, section 7, and agreement with a FLOP
counter.
"""

import numpy as np
import pytest
import torch
from conftest import CLASSES, DEPTH, SMARTBERT
from torch.utils.flop_counter import FlopCounterMode

from smartbert.cost import CONVENTIONS, Architecture, Convention, CostModel, convention
from smartbert.errors import UserError
from smartbert.policies import Decisions, Policy

T128 = np.array([128])
FULL_MACS = Convention("macs", "MACs", "")
LINEAR_MACS = Convention("linear", "MACs", "", products=False)


def base(classes: int = 2, **parts) -> Architecture:
    """BERT-base with the given gates, exits and head."""
    return Architecture(hidden=768, intermediate=3072, layers=12, classes=classes, **parts)


def macs(architecture: Architecture, **options) -> CostModel:
    return CostModel(architecture, Convention("macs", "MACs", "", **options))


def full_depth(depth: int = 12) -> Decisions:
    return Decisions(
        logits=np.zeros((1, 2)),
        exit_layer=np.array([depth]),
        exited=np.array([False]),
        executed=np.ones((1, depth), dtype=bool),
    )


def test_a_bert_base_layer_costs_what_section_7_says():
    assert macs(base(), products=False).layer(T128) == 905_969_664
    assert macs(base()).layer(T128) == 931_135_488
    assert 12 * macs(base(), products=False).layer(T128) == 10_871_635_968
    assert 12 * macs(base()).layer(T128) == 11_173_625_856


def test_small_modules_cost_what_section_7_says():
    linear, full = macs(base(), products=False), macs(base())
    assert linear.gate(T128) == 18_874_496
    assert full.gate(T128) - linear.gate(T128) == 4_194_304
    for classes in (2, 3):
        head = macs(base(classes), products=False).head("attention", T128)
        assert head == 18_890_752 + 128 * classes
    for kind in ("first", "mean"):
        assert full.head(kind, T128) == 591_360


def test_a_kind_of_head_that_is_none_names_those_there_are():
    with pytest.raises(UserError, match=r"unknown head 'pooler'; known: attention, first, mean"):
        macs(base()).head("pooler", T128)


def test_a_certainty_costs_one_linear_map_where_its_rule_is_used():
    policy = Policy.uniform("certainty", 0.5, depth=12)
    for kind, width in (("attention", 128), ("first", 768)):
        model = macs(base(exits=kind, head="attention"))
        beside = model.spent(full_depth(), policy, T128) - model.spent(
            full_depth(), Policy.uniform("entropy", 0.1, depth=12), T128
        )
        assert beside == 11 * width


def test_computing_the_first_query_alone_costs_what_section_7_says():
    cheap = macs(base(small_queries="first"), products=False)
    assert cheap.gate(T128) == 128 * (768 * 128 + 2 * 128**2) + 128**2 + 128


def test_fastberts_published_total_follows_from_the_same_sums():
    layers = 12 * macs(base(), products=False).layer(T128)[0]
    assert 2 * (layers + 128 * (768 * 128 + 4 * 128**2) + 128**2) == 21_785_247_744


def test_the_released_meters_full_depth_value_is_reproduced():
    model = CostModel(
        base(gates=True, exits="attention", head="attention"), convention("thop-smartbert")
    )
    policy = Policy.uniform("entropy", 0.0, depth=12, skip_threshold=1.0)
    assert model.spent(full_depth(), policy, T128) == 11_353_543_424
    # 12 linear layers, 25 LayerNorms and one attention head with two classes
    assert model.dense(T128) == 10_871_635_968 + 25 * 393_216 + 18_891_008


def test_two_layers_at_37_tokens_cost_what_a_counter_was_seen_to_count():
    model = CostModel(base(), convention("flops"))
    assert 2 * model.layer(np.array([37])) == 1_055_938_560


def test_dense_bert_costs_exactly_one():
    model = CostModel(base(), convention("flops"))
    lengths = np.array([5, 37, 128])
    decisions = Decisions(
        np.zeros((3, 2)), np.full(3, 12), np.zeros(3, bool), np.ones((3, 12), bool)
    )
    np.testing.assert_array_equal(model.relative(decisions, Policy(), lengths), 1.0)


def test_never_exiting_costs_the_full_model_without_its_exits():
    model = CostModel(base(gates=True, exits="attention", head="attention"), convention("flops"))
    t = np.array([50])
    spent = model.spent(full_depth(), Policy(skip_threshold=0.5), t)
    assert spent == 12 * (model.layer(t) + model.gate(t)) + model.head("attention", t)


def test_skipped_layers_pay_their_gates_and_an_exit_saves_the_rest():
    model = CostModel(base(gates=True, exits="attention", head="attention"), convention("flops"))
    t = np.array([50])
    executed = np.zeros((1, 12), bool)
    executed[0, [0, 2]] = True
    decisions = Decisions(np.zeros((1, 2)), np.array([3]), np.array([True]), executed)
    policy = Policy.uniform("entropy", 0.3, depth=12, skip_threshold=0.5)
    expected = 3 * model.gate(t) + 2 * (model.layer(t) + model.head("attention", t))
    assert model.spent(decisions, policy, t) == expected


def test_layers_convention_counts_layers_against_the_backbones_depth():
    model = CostModel(base(reference_layers=12), CONVENTIONS["layers"])
    executed = np.zeros((1, 12), bool)
    executed[0, :3] = True
    decisions = Decisions(np.zeros((1, 2)), np.array([3]), np.array([True]), executed)
    assert model.relative(decisions, Policy(), T128) == 0.25


def test_an_unknown_convention_names_the_known_ones():
    with pytest.raises(UserError, match=r"unknown cost convention 'flop'.*'flops'"):
        convention("flop")


ARCHITECTURES = {
    "dense": {},
    "smartbert": SMARTBERT,
    "smartbert-small-queries": {**SMARTBERT, "small_queries": "first"},
    "skip_only": {"gates": "learned", "head": "attention"},
    "deebert": {"exits": "first"},
    "pabee": {"exits": "first", "shared_pooler": True},
    "dense-mean": {"head": "mean"},
    "deebert-mean": {"exits": "mean", "head": "mean"},
    "deebert-attention": {"exits": "attention", "head": "attention"},
    "pabee-mean": {"exits": "mean", "head": "mean", "shared_pooler": True},
    "smartbert-first": {"gates": "learned", "exits": "first", "head": "attention"},
    "smartbert-mean": {"gates": "learned", "exits": "mean", "head": "mean"},
    "berxit": {"exits": "attention", "head": "attention", "certainty": True},
    "berxit-first": {"exits": "first", "certainty": True},
    "berxit-mean": {"exits": "mean", "head": "mean", "certainty": True},
}


CASES = [
    pytest.param(parts, criterion, id=f"{name}-{criterion}")
    for name, parts in ARCHITECTURES.items()
    for criterion in (
        *("never",),
        *(("entropy", "patience") if "exits" in parts else ()),
        *(("certainty",) if "certainty" in parts else ()),
    )
]


@pytest.mark.parametrize(("parts", "criterion"), CASES)
def test_analytic_flops_are_those_of_a_counter_on_the_live_model(
    tiny_model, split, parts, criterion
):
    model = tiny_model(**parts)
    model.set_attn_implementation("eager")
    config = model.config
    architecture = Architecture(
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        layers=DEPTH,
        classes=CLASSES,
        small_width=config.small_width,
        small_queries=config.small_queries,
        exits=config.exits,
        head=config.head,
        gates=config.gates == "learned",
    )
    threshold = {"never": 0.0, "entropy": 0.8, "patience": 1, "certainty": 0.55}[criterion]
    skip = 0.5 if config.gates else None
    policy = Policy.uniform(criterion, threshold, depth=DEPTH, skip_threshold=skip)
    costs = CostModel(architecture, convention("flops"))
    for i in range(12):
        inputs = {
            "input_ids": torch.tensor([split["input_ids"][i]]),
            "token_type_ids": torch.tensor([split["token_type_ids"][i]]),
        }
        with FlopCounterMode(display=False) as counter:
            output = model.infer(inputs, policy)
        exit_layer = output.exit_layer.numpy()
        decisions = Decisions(
            output.logits.numpy(), exit_layer, exit_layer < DEPTH, output.executed.numpy()
        )
        expected = costs.spent(decisions, policy, np.array([split["length"][i]]))
        assert counter.get_total_flops() == expected[0]
