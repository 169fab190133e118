"""The last line of a run: where the results lie, and what to type next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from kedro.framework.hooks import hook_impl

from workbench.clients import client_of_env

__all__ = ["SummaryHooks", "summary"]


class SummaryHooks:
    """Prints :func:`summary` to standard output when a run has ended well."""

    def __init__(self) -> None:
        self._client: str | None = None
        self._project = Path.cwd()

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Note whose run it is."""
        self._client, self._project = client_of_env(context.env), context.project_path

    @hook_impl
    def after_pipeline_run(self, pipeline: Any) -> None:
        """Print the line, if the run made something that a person opens."""
        if self._client is None:
            return
        line = summary(self._project, self._client, pipeline.all_outputs())
        if line:
            click.secho(line, bold=True)


def summary(project: Path, client: str, outputs: set[str]) -> str:
    """One line on what a run left behind.

    Args:
        project: the project's folder.
        client: whose run it was.
        outputs: names of the datasets that the run wrote.

    Returns:
        The line; empty if the run wrote neither a verdict nor a report.
    """
    reporting = Path("data") / client / "08_reporting"
    if "monitor" in outputs:
        return _watched(project, client, reporting)
    parts = []
    if "verdict" in outputs:
        parts.append(_champion(project / reporting))
    if "model_card" in outputs:
        parts.append(f"report: {reporting / 'model_card.html'}")
    if "data_quality" in outputs:
        parts.append(f"data: {reporting / 'data_quality.html'}")
    if not parts:
        return ""
    parts.append("next: open the report, or `kedro mlflow ui` for the registry")
    return f"{client} · " + " · ".join(parts)


def _watched(project: Path, client: str, reporting: Path) -> str:
    from workbench.monitoring.latest import latest

    found = latest(project, client)
    if found is None:
        return ""
    said = f"{client} · monitor: {found.verdict} (champion version {found.version})"
    reason = f": {found.reason}" if found.reason else ""
    then = f" · next: kedro run --env clients/{client}" if found.verdict == "retrain" else ""
    return f"{said}{reason} · all of it: {reporting / 'monitor.json'}{then}"


def _champion(reporting: Path) -> str:
    verdict = json.loads((reporting / "verdict.json").read_text(encoding="utf-8"))
    value = verdict["challenger"]
    score = f"{verdict['metric']} {'undefined' if value is None else f'{value:.4f}'}"
    if verdict["version"] == verdict["champion_version"]:
        return f"champion: version {verdict['version']} ({score})"
    return f"version {verdict['version']} ({score}) did not replace the champion: {verdict['reasons'][0]}"
