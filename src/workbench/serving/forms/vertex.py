"""Vertex AI's form: ``{"instances": [{column: value}], "parameters": …}`` → ``{"predictions": […]}``.

Google Cloud, Vertex AI, "Custom container requirements for prediction", sections "Request requirements" and "Response
requirements". The endpoint adds ``deployedModelId``; a server that knows it says so itself.
"""

from __future__ import annotations

import os
from typing import Any

from workbench.serving.contract import Contract
from workbench.serving.forms.asked import Answer, Asked, object_of
from workbench.serving.refusals import Refusal

__all__ = ["Vertex"]


class Vertex:
    """``instances`` → ``predictions``."""

    def parse(self, body: Any, contract: Contract) -> Asked:
        """``parameters`` may be there; there are none that change a prediction."""
        content = object_of(body)
        if "instances" not in content:
            raise Refusal(422, "the body has no 'instances'", field="instances")
        return Asked(contract.rows_of_records(content["instances"], "instances"))

    def answer(self, answer: Answer) -> dict[str, Any]:
        """A record a row, and which version it was."""
        deployed = os.environ.get("AIP_DEPLOYED_MODEL_ID")
        known = {"deployedModelId": deployed} if deployed else {}
        return {"predictions": answer.predicted.records(), **known, "modelVersionId": answer.version}
