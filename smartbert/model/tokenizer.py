"""The tokenizer of published models: the library's own, cutting texts where training cut them."""

from typing import Any

from transformers import BatchEncoding, PreTrainedTokenizerFast


class CuttingTokenizer(PreTrainedTokenizerFast):
    """A tokenizer that truncates at `model_max_length` unless told otherwise: pipelines do not ask
    for it.
    """

    # The first text and the second are told apart; an encoder without segments takes no notice.
    model_input_names = ["input_ids", "token_type_ids", "attention_mask"]

    def __call__(
        self,
        text: Any = None,  # `Any`, here and below: the library's own
        text_pair: Any = None,
        *more: Any,
        **options: Any,
    ) -> BatchEncoding:
        """Return the tokens of a text, of a pair, or of lists of them."""
        options = {"truncation": True, **options}
        if text_pair != "":
            return super().__call__(text, text_pair, *more, **options)
        # The library takes an empty second text for none, unless it stands in a list.
        found = super().__call__([text], [text_pair], *more, **options)
        if options.get("return_tensors") is not None:
            return found
        return BatchEncoding({name: rows[0] for name, rows in found.items()}, found.encodings)
