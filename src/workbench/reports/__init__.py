"""Reports: a notebook template, run through papermill, as one HTML file.

:func:`render` is the way in. ``templates`` and ``parameters`` say what may be run; ``execute``, ``kernel`` and
``diagnose`` run it; ``sanitise`` and ``page`` make the file; ``html``, ``style``, ``words`` and the charts are what the
templates are written with.
"""

from __future__ import annotations

from workbench.reports.inputs import HandedInputs, Inputs, rows
from workbench.reports.render import render
from workbench.reports.templates import Template, find_template, template_names

__all__ = ["HandedInputs", "Inputs", "Template", "find_template", "render", "rows", "template_names"]
