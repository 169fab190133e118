"""The forms that a request may have, and that of its answer: one module a protocol."""

from __future__ import annotations

from workbench.serving.forms.asked import Answer, Asked, Form
from workbench.serving.forms.invocations import Invocations
from workbench.serving.forms.open_inference import OpenInference
from workbench.serving.forms.vertex import Vertex

__all__ = ["FORMS", "Answer", "Asked", "Form", "Invocations", "OpenInference", "Vertex"]

FORMS: dict[str, Form] = {"infer": OpenInference(), "predict": Vertex(), "invocations": Invocations()}
"""By the name that routes and metrics use."""
