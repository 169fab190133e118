"""Reports: a notebook template, run through papermill, as one HTML file.

:func:`render` is the way in. ``templates`` and ``parameters`` say what may be run; ``execute``, ``kernel`` and
``diagnose`` run it; ``sanitise`` and ``page`` make the file; ``html``, ``style``, ``words`` and the charts are what the
templates are written with.
"""

from __future__ import annotations

from workbench.reports.execute import Limits
from workbench.reports.inputs import HandedInputs, Inputs, rows
from workbench.reports.locale import localise
from workbench.reports.render import Rendered, render
from workbench.reports.templates import Template, find_template, template_names

__all__ = [
    "HandedInputs",
    "Inputs",
    "Limits",
    "Rendered",
    "Template",
    "find_template",
    "localise",
    "render",
    "rows",
    "template_names",
]
