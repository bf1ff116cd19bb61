"""Kept traces say the kinds of head by older names: they are read as what they were."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT

from smartbert.cost import CONVENTIONS, CostModel
from smartbert.policies import Policy
from smartbert.trace.replay import Replay
from smartbert.trace.schema import TraceMeta
from smartbert.trace.trace import Trace, meta_of

KEPT = ROOT / "results" / "reference" / "minilm" / "runs" / "rte"
OLD = {  # exits and final head, as their files say
    "full_bert": (None, "pooler"),
    "deebert": ("pooler", "pooler"),
    "pabee": ("shared_pooler", "pooler"),
    "smartbert": ("attention", "attention"),
}
NEW = {None: None, "pooler": "first", "shared_pooler": "first", "attention": "attention"}


def said(path) -> dict:
    """What a trace says of itself, as it is stored."""
    content = gzip.decompress(path.read_bytes())
    head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(head["__metadata__"]["meta"])


@pytest.mark.parametrize("name", OLD)
def test_a_kept_trace_is_read_under_todays_names(name):
    path = KEPT / name / "seed1" / "trace-tune.safetensors.gz"
    sizes = said(path)["architecture"]
    assert (sizes["exits"], sizes["head"]) == OLD[name]
    for meta in (Trace.load(path).meta, meta_of(path)):
        assert (meta.architecture.exits, meta.architecture.head) == tuple(map(NEW.get, OLD[name]))


def test_a_kept_example_costs_what_it_did():
    trace = Trace.load(KEPT / "pabee" / "seed1" / "trace-tune.safetensors.gz")
    a, policy = trace.meta.architecture, Policy.uniform("patience", 2, depth=trace.depth)
    decisions, costs = Replay(trace).decide(policy), CostModel(a, CONVENTIONS["flops"])
    head = 2 * (a.hidden**2 + a.hidden * a.classes)
    exits = np.minimum(decisions.exit_layer, trace.depth - 1)
    known = decisions.exit_layer * costs.layer(trace.lengths) + head * (exits + ~decisions.exited)
    np.testing.assert_array_equal(costs.spent(decisions, policy, trace.lengths), known)


def test_a_trace_that_is_saved_again_says_todays_names(tmp_path):
    trace = Trace.load(KEPT / "pabee" / "seed1" / "trace-tune.safetensors.gz")
    assert '"first"' in json.dumps(trace.meta.to_json()) and "pooler" not in str(trace.meta)
    trace.save(tmp_path / "trace.safetensors.gz")
    assert Trace.load(tmp_path / "trace.safetensors.gz").meta == trace.meta


def test_a_kind_of_a_users_own_is_left_as_it_is():
    meta = Trace.load(KEPT / "pabee" / "seed1" / "trace-tune.safetensors.gz").meta
    own = replace(meta, architecture=replace(meta.architecture, exits="pooled_twice"))
    assert TraceMeta.from_json(own.to_json()) == own
