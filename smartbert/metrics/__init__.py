"""Metric modules for `evaluate`, kept here because an offline node cannot fetch the hub's."""
