"""XLM-RoBERTa: RoBERTa in a hundred languages, with a vocabulary of its own."""

from dataclasses import replace

from smartbert.encoders.roberta import ENCODER as ROBERTA

ENCODER = replace(ROBERTA, model_type="xlm-roberta", model="XLMRobertaModel")
