"""The adaptive encoder: one encoder with a gate before every layer, an exit after it, or neither.

`configuration` says what a model is made of, and reads from it the sizes that cost depends on and
the policy that it carries. `encoder` finds the parts of the library's encoder, as the record of its
type in `smartbert.encoders` says. `attention` holds the small attention that `gates` and `heads`
are built of; `modeling` puts them round the encoder's layers and has the two passes: training,
where every layer is computed, and live inference, where only the rows that need a layer see it;
`outputs` is what they give.

Texts come as token ids. `batching` cuts them into batches of similar length and pads them; the
model answers logits, the layers that ran and the gates it saw. `folder` loads a trained model, or
says in one line why it cannot be. How a model is trained, recorded or served is not known here.
"""
