"""Where a client's models are served: one small model a kind of target, chosen by ``kind``.

No field holds a secret: who logs in where is in the client's secrets, under the names that docs/targets.md lists.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workbench.clients.targets.azure_openai import AnswerCheck, AzureOpenAITarget
from workbench.clients.targets.base import Address, TargetName
from workbench.clients.targets.databricks import (
    DatabricksCluster,
    DatabricksJob,
    DatabricksPermissions,
    DatabricksTarget,
)
from workbench.clients.targets.local import LocalTarget
from workbench.clients.targets.vertex import VertexTarget, VertexTraining

__all__ = [
    "Address",
    "AnswerCheck",
    "AzureOpenAITarget",
    "DatabricksCluster",
    "DatabricksJob",
    "DatabricksPermissions",
    "DatabricksTarget",
    "LocalTarget",
    "Target",
    "TargetName",
    "VertexTarget",
    "VertexTraining",
]

Target = Annotated[LocalTarget | VertexTarget | DatabricksTarget | AzureOpenAITarget, Field(discriminator="kind")]
