"""Skip-only: SmartBERT's first stage by itself, gates without exits (methods 2.2, 2.7).

SmartBERT continues from this model, so the stage is trained once for both.
"""

from functools import partial

from transformers import PreTrainedConfig

from smartbert.head_kinds import ATTENTION
from smartbert.methods.contract import (
    Method,
    Optimisation,
    Settings,
    Stage,
    by_epoch,
    head_rates,
    label_fields,
    padding_counts,
)
from smartbert.methods.smartbert import scaled_penalty, stage1_objective
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.policies import SKIP_THRESHOLD


class SkipOnly(Method):
    """SmartBERT's stage 1: skip gates without exits (methods 2.2, 2.7)."""

    defaults = {
        "head": ATTENTION,
        "heads_rate": None,
        "lambda": 0.04,
        "lambda_layers": 12,
        "lambda_warmup": 0,
        "eta": 0.01,
        "temperature": 0.5,
        "mask_padding": False,
        "gate_bias": None,
        "soft_epochs": 3,
        "select_from": "all",
        "skip_threshold": SKIP_THRESHOLD,
    }

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        return adaptive_config(
            backbone,
            gates="learned",
            gate_bias=settings["gate_bias"],
            skip_threshold=settings["skip_threshold"],
            head=settings["head"],
            projections=settings["eta"] > 0,
            **label_fields(labels),
        )

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        objective = partial(
            stage1_objective,
            soft_epochs=settings["soft_epochs"],
            penalty=scaled_penalty(
                settings["lambda"], stated_for=settings["lambda_layers"], layers=layers
            ),
            penalty_warmup=settings["lambda_warmup"],
            eta=settings["eta"],
            temperature=settings["temperature"],
            mask_padding=settings["mask_padding"],
        )
        # "hard" keeps an epoch from winning that saw soft gates or less than the full penalty.
        early = max(settings["soft_epochs"], settings["lambda_warmup"])
        eligible = settings["select_from"] == "hard" and early < optimisation.epochs
        first = early + 1 if eligible else 1
        # Gates are a part of the path and answer nobody: they keep the layers' rate.
        rates = head_rates(settings, "head.")
        return [
            Stage(
                "gates",
                optimisation,
                objective,
                select_from=first,
                rates=rates,
                graph=by_epoch,  # soft or hard gates, and the share of lambda
                exact_widths=padding_counts(settings),
            )
        ]
