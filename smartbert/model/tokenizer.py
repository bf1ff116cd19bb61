"""The tokenizer of published models: the library's own, cutting texts where training cut them."""

from typing import Any

from transformers import AutoTokenizer, BatchEncoding, PreTrainedTokenizerFast

from smartbert.model.configuration import AdaptiveBertConfig


class CuttingTokenizer(PreTrainedTokenizerFast):
    """A tokenizer that truncates at `model_max_length` unless told otherwise: pipelines do not ask
    for it.
    """

    # The first text and the second are told apart; an encoder without segments takes no notice.
    model_input_names = ["input_ids", "token_type_ids", "attention_mask"]

    def __call__(self, *texts: Any, **options: Any) -> BatchEncoding:  # `Any`: the library's own
        """Return the tokens of a text, of a pair, or of lists of them."""
        return super().__call__(*texts, **{"truncation": True, **options})


AutoTokenizer.register(AdaptiveBertConfig, fast_tokenizer_class=CuttingTokenizer)
