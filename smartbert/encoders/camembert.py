"""CamemBERT: RoBERTa in French, with a vocabulary of its own."""

from dataclasses import replace

from smartbert.encoders.roberta import ENCODER as ROBERTA

ENCODER = replace(ROBERTA, model_type="camembert", model="CamembertModel")
