"""Every registered method trains and is recorded on an encoder that is no BERT."""

import dataclasses

import numpy as np
import pytest
import torch
from encoder_types import OTHERS, library_classifier
from methods.test_golden import ENTRIES, GRID, examples, trained
from tiny import META
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from smartbert.data.backbones import fetch
from smartbert.encoders.record import encoders
from smartbert.model.configuration import architecture
from smartbert.train.recorder import record

OWN = tuple(kind for kind in OTHERS if kind in encoders())


@pytest.fixture(scope="module", params=OWN)
def fetched(request, tmp_path_factory):
    """A folder with a fetched backbone of a type."""
    folder, source = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("source")
    library_classifier(request.param).base_model.save_pretrained(source)
    words = Tokenizer(models.WordLevel({"<s>": 0, "<pad>": 1, "<unk>": 3}, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>").save_pretrained(source)
    fetch(str(source), folder / "backbone")
    return folder


def test_every_method_trains_and_is_recorded(fetched):
    split = examples()
    split["input_ids"] = [[max(5, token) for token in row] for row in split["input_ids"]]
    for name in ENTRIES:
        model, losses = trained(name, fetched)
        assert all(np.isfinite(step["loss"]) for step in losses), name
        meta = dataclasses.replace(META, architecture=architecture(model.config))
        trace = record(model, split, grid=GRID, meta=meta)
        assert np.isfinite(trace.final_logits).all(), name
        if name == "deebert":  # exits start from a pooler where there is one, else apart
            first, second = (model.exits[i].pooler.weight for i in (0, 1))
            alike = model.config.record.pooler is not None
            assert torch.allclose(first, second, atol=0.01) == alike
