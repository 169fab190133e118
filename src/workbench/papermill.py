"""papermill, without the clients of four clouds that it imports if it finds them.

They take more than half of its time to be imported, and only notebooks at ``s3://``, ``gs://``, ``abs://``, ``adl://``
or on GitHub need them: here, a template is a file of the repository, and what is rendered is a file of the client's.
"""

from __future__ import annotations

import workbench.nbformat  # noqa: F401 - papermill would import it, with all that comes along
from workbench.absent import absent

__all__ = ["papermill"]

with absent("boto3", "azure.storage.blob", "azure.datalake.store", "gcsfs", "github"):
    import papermill
