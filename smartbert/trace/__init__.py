"""Traces: what a trained model did on a split, and any decision rule replayed on it.

`schema` says what a trace's file may hold, `trace` is the record itself with its paths, `replay`
applies a policy to it and counts the cost, `outcomes` does so for a thousand policies at once and
keeps answers and costs alone, `keeping` keeps the traces of finished runs. No torch: a replay takes
microseconds an example.
"""
