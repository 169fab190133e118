"""What a node's result depends on, as a digest: its code, the versions of the packages, its parameters, its inputs.

::

    imports.py   what a syntax tree imports
    scan.py      one source file: its digest, what it imports, the names that it mentions
    code.py      all source files that a function runs with
    packages.py  the versions of the packages that they import
    values.py    parameters and typed configuration, setting by setting
    stamps.py    digests of files, which are read again only when a file changed
    facts.py     all of that for one node
    decide.py    which nodes of a pipeline have to run, and why

A comment, a docstring or the layout of code does not count. What is not seen: environment variables, the processor or
GPU that computes, and files that a node opens without a dataset, unless it declares them with :func:`reads`.
"""

from __future__ import annotations

from workbench.fingerprints.code import reads

__all__ = ["reads"]
