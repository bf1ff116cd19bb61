"""The registry of methods: where each is defined, what it continues, how it appears. Facts only: no
torch, and no method is loaded here.

A new method is one file with a subclass of `smartbert.methods.Method`, and one record here; or, for
a file of the user's own, an entry in the config that names it (`methods.<name>.source`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from smartbert.errors import UserError
from smartbert.head_kinds import ATTENTION, FIRST, HEAD_KINDS
from smartbert.manifest import REFERENCE, SUBJECT, Look, MethodRecord
from smartbert.points import PER_LAYER

Schema: TypeAlias = dict[str, object]

RATE: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
POSITIVE: Schema = {"type": "number", "exclusiveMinimum": 0}
THRESHOLD: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
# A kind of head; what it is where nobody says it is the method's own default.
FIRST_HEAD: Schema = {"enum": list(HEAD_KINDS), "default": FIRST}
ATTENTION_HEAD: Schema = {"enum": list(HEAD_KINDS), "default": ATTENTION}
HEADS_RATE: Schema = {"type": ["number", "null"], "exclusiveMinimum": 0, "default": None}
DEPTH: Schema = {"type": "integer", "minimum": 1}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
STAGE2: dict[str, Schema] = {
    "exits": ATTENTION_HEAD,
    "head": ATTENTION_HEAD,
    "eta": RATE,
    "temperature": POSITIVE,
    "pairs": {"enum": ["released", "complete"]},
    "mask_padding": FLAG,
    "frozen_dropout": FLAG,
    "skip_threshold": THRESHOLD,
}

# Okabe and Ito's palette, told apart by colour-blind readers; markers and dashes do so in grey.
METHODS: dict[str, MethodRecord] = {
    record.name: record
    for record in (
        MethodRecord(
            REFERENCE,
            "baselines.full_bert:FullBert",
            title="BERT",
            role="reference",
            look=Look("#000000", "*", "-"),
            settings={"head": FIRST_HEAD, "heads_rate": HEADS_RATE},
        ),
        MethodRecord(
            SUBJECT,
            "smartbert.methods.smartbert:SmartBert",
            title="SmartBERT",
            role="ours",
            look=Look("#D55E00", "o", "-"),
            continues=True,
            frozen="hard",
            settings=STAGE2,
        ),
        MethodRecord(
            "skip_only",
            "baselines.skip_only:SkipOnly",
            title="Skip-only",
            role="control",
            look=Look("#E69F00", "s", "--"),
            rows_from=SUBJECT,
            settings={
                "head": ATTENTION_HEAD,
                "heads_rate": HEADS_RATE,
                "lambda": {"type": "number", "minimum": 0},
                "lambda_layers": {"type": ["integer", "null"], "minimum": 1},
                "lambda_warmup": COUNT,
                "eta": RATE,
                "temperature": POSITIVE,
                "mask_padding": FLAG,
                "gate_bias": {"type": ["number", "null"]},
                "soft_epochs": COUNT,
                "select_from": {"enum": ["all", "hard"]},
                "skip_threshold": THRESHOLD,
            },
        ),
        MethodRecord(
            "deebert",
            "baselines.deebert:DeeBert",
            title="DeeBERT",
            role="rival",
            look=Look("#0072B2", "^", "-."),
            continues=True,
            beside=(PER_LAYER,),  # one threshold for all cannot switch a poor first exit off
            frozen="off",
            settings={"exits": FIRST_HEAD, "head": FIRST_HEAD, "frozen_dropout": FLAG},
        ),
        MethodRecord(
            "pabee",
            "baselines.pabee:Pabee",
            title="PABEE",
            role="rival",
            look=Look("#009E73", "D", ":"),
            shares=True,
            settings={"exits": FIRST_HEAD, "head": FIRST_HEAD, "heads_rate": HEADS_RATE},
        ),
        MethodRecord(
            "fastbert",
            "baselines.fastbert:FastBert",
            title="FastBERT",
            role="rival",
            look=Look("#6A3D9A", "H", "--"),
            continues=True,
            frozen="off",
            settings={"exits": ATTENTION_HEAD, "head": ATTENTION_HEAD, "frozen_dropout": FLAG},
        ),
        MethodRecord(
            "pcee_bert",
            "baselines.pcee_bert:PceeBert",
            title="PCEE-BERT",
            role="rival",
            look=Look("#0B5D1E", "d", ":"),
            trains=False,
            reads=True,
        ),
        MethodRecord(
            "berxit",
            "baselines.berxit:Berxit",
            title="BERxiT",
            role="rival",
            look=Look("#C51B7D", "+", "-"),
            settings={
                "exits": ATTENTION_HEAD,
                "head": ATTENTION_HEAD,
                "heads_rate": HEADS_RATE,
                "certainty_back": FLAG,
            },
        ),
        MethodRecord(
            "truncated_bert",
            "baselines.truncated_bert:TruncatedBert",
            title="Truncated BERT",
            role="control",
            look=Look("#7F7F7F", "X", "--"),
            settings={
                "head": FIRST_HEAD,
                "heads_rate": HEADS_RATE,
                "depth": DEPTH,
            },
        ),
        MethodRecord(
            "truncated_distilled",
            "baselines.truncated_distilled:TruncatedDistilled",
            title="Truncated BERT, distilled",
            role="control",
            look=Look("#3C3C3C", "x", "-."),
            settings={
                "depth": DEPTH,
                "head": ATTENTION_HEAD,
                "heads_rate": HEADS_RATE,
                "alpha": SHARE,
                "temperature": POSITIVE,
            },
        ),
        MethodRecord(
            "layerdrop",
            "baselines.layerdrop:LayerDrop",
            title="LayerDrop, unpruned",
            role="rival",
            look=Look("#8C6D31", "2", "-."),
            settings={"head": ATTENTION_HEAD, "heads_rate": HEADS_RATE, "drop": RATE},
        ),
        MethodRecord(
            "pruned",
            "baselines.layerdrop:Pruned",
            title="LayerDrop",
            role="rival",
            look=Look("#66A61E", "1", "--"),
            continues=True,
            trains=False,
            settings={
                "head": ATTENTION_HEAD,
                "depth": DEPTH,
                "keep": {"enum": ["every_other", "first"]},
            },
        ),
        MethodRecord(
            "exit_only",
            "baselines.exit_only:ExitOnly",
            title="Exit-only",
            role="control",
            look=Look("#56B4E9", "v", "-"),
            continues=True,
            frozen="off",
            settings=STAGE2,
        ),
        MethodRecord(
            "gates_off",
            "baselines.gates_off:GatesOff",
            title="SmartBERT, gates off",
            role="control",
            look=Look("#994F00", "8", "--"),
            trains=False,
            reads=True,
        ),
        MethodRecord(
            "random_skip",
            "baselines.random_skip:RandomSkip",
            title="Random skip",
            role="control",
            look=Look("#CC79A7", "P", ":"),
            continues=True,
            trains=False,
            settings={"head": ATTENTION_HEAD, "skip_threshold": THRESHOLD},
        ),
        MethodRecord(
            "constant_skip",
            "baselines.constant_skip:ConstantSkip",
            title="Constant skip",
            role="control",
            look=Look("#B8A800", "h", "-."),
            continues=True,
            trains=False,
            settings={"head": ATTENTION_HEAD, "skip_threshold": THRESHOLD},
        ),
    )
}


def source_file(name: str, source: str) -> Path:
    """Return the file that defines a method.

    Raises:
        UserError: if there is none.
    """
    path = Path(source)
    if not path.is_file():
        raise UserError(
            f"method {name!r}: source {source!r} does not exist; set `methods.{name}.source`"
        )
    return path
