"""Types of encoder: one record each, in a file of its own.

`record` says what a record holds and finds one by the library's name of the type; every other
module here is one type. A record is facts alone: names of modules, of config fields, of weights. It
is read where a backbone is fetched, where a cost is worked out, and by `smartbert.model`, which
applies it to the library's model. No torch.
"""
