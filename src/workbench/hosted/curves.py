"""A job's curves in MLflow, live: a run of its own for each job, which outlives the processes that watch it.

A Kedro run that is killed has its MLflow run closed, and the next one has another; the job goes on. So its curves are
in a run named after the job, found again by the tag ``hosted_job``. A number is sent once: what the run has is asked
for first, and time stamps are the service's, so that MLflow itself knows a number that comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.hosted.follow import NAMES, Followed, Point
from workbench.registry.store import Store, translated

__all__ = ["JobRun"]

TAG = "hosted_job"
STATUS = {"succeeded": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
MOST = 1000
"""Metrics that MLflow takes in one request."""


class JobRun:
    """The MLflow run of a job.

    Args:
        store: the opened store.
        client: whose experiment it is in.
        job: the job's id.
        facts: what it is made of, as parameters.
    """

    def __init__(self, store: Store, client: str, job: str, facts: Mapping[str, Any]) -> None:
        self._store, self._known = store, set[tuple[str, int]]()
        with translated(store.uri):
            experiment = store.experiment(client)
            found = store.api.search_runs([experiment], filter_string=f"tags.`{TAG}` = '{job}'", max_results=1)
            if found:
                self.id = str(found[0].info.run_id)
                self._known = self._logged()
            else:
                tags = {TAG: job, "client": client, "pipeline": "tune"}
                made = store.api.create_run(experiment, run_name=f"{client} job {job}", tags=tags)
                self.id = str(made.info.run_id)
            self._describe(facts)

    def points(self, points: Sequence[Point]) -> None:
        """Send the numbers that the run does not have yet, in as few requests as MLflow allows."""
        from mlflow.entities import Metric

        new = []
        for point in points:
            for name, value in point.values.items():
                if (name, point.step) not in self._known:
                    self._known.add((name, point.step))
                    new.append(Metric(name, value, 1000 * point.at, point.step))
        with translated(self._store.uri):
            for begin in range(0, len(new), MOST):
                self._store.api.log_batch(self.id, metrics=new[begin : begin + MOST])

    def end(self, heard: Followed) -> None:
        """Write down how it ended; a second time changes nothing."""
        job = heard.job
        tags = {"job_status": job.status, "fine_tuned_model": job.fine_tuned_model or ""}
        with translated(self._store.uri):
            for name, value in tags.items():
                self._store.api.set_tag(self.id, name, value)
            if job.trained_tokens is not None:
                self._store.api.set_tag(self.id, "trained_tokens", str(job.trained_tokens))
            self._store.api.log_dict(self.id, {"messages": heard.messages[-5000:]}, "tune/events.json")
            checkpoints = {str(step): name for step, name in sorted(heard.checkpoints.items())}
            self._store.api.log_dict(self.id, checkpoints, "tune/checkpoints.json")
            self._store.api.set_terminated(self.id, STATUS[job.status])

    def _logged(self) -> set[tuple[str, int]]:
        has = self._store.api.get_run(self.id).data.metrics
        names = [name for name in NAMES.values() if name in has]
        return {(name, one.step) for name in names for one in self._store.api.get_metric_history(self.id, name)}

    def _describe(self, facts: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        has = self._store.api.get_run(self.id).data.params
        missing = [Param(name, str(value)[:6000]) for name, value in facts.items() if name not in has]
        if missing:
            self._store.api.log_batch(self.id, params=missing)
