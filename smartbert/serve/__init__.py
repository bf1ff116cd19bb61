"""Live use of a trained model: texts in, labels out, and how long that takes.

`publishing` makes a folder for users from a training and what tuning chose for it. `inputs` reads
lines of text, `classifier` turns them into tokens and answers into predictions, at one of the
folder's operating points or within a budget. The computing is the `engine`'s: rows of a batch lie
end to end (`ragged`), the encoder (`encoder_forms`), gates and heads (`fast_modules`) take them so,
and every layer sees only the rows that need it. `latency` times that against dense BERT in the same
engine.

The command line in `smartbert.__main__` is the door to all of it.
"""
