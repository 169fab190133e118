"""nbformat, without the grammar of international web addresses that jsonschema builds when it is imported.

That takes a second and a half of each process, seven times all the rest of it, and no schema of a notebook asks for the
format ``iri``. Import nbformat from here, before papermill, nbclient or nbconvert, which import it, too.
"""

from __future__ import annotations

from workbench.absent import absent

__all__ = ["nbformat"]

with absent("rfc3987_syntax"):
    import nbformat
