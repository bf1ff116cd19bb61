"""Synthetic tasks with GLUE's columns and label names: easy and hard examples in known proportion.

`generator` makes a split of any task from a seed; each task has its grammar in a module of its
name, on the words of `lexicon` and the sentences of `frames`.
"""
