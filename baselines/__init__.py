"""Rivals and controls: the methods that SmartBERT is compared with, one file each.

`registry` lists them all as records, read without torch: where each is defined, how it is shown,
what it continues. `loading` makes a method from its name or from a user's own file. A method's file
needs `smartbert.methods` for the contract and `smartbert.model` for what it is made of, no more.
"""
