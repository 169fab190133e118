"""The local target: a server on loopback that serves what one file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.clients import ClientRegistry
from workbench.clients.targets import LocalTarget
from workbench.errors import TargetError, Unreachable
from workbench.fleet import memory
from workbench.fleet.ledger import state_folder
from workbench.retrying import seconds_of
from workbench.serving.following import left_out
from workbench.targets.cost import Cost, Line
from workbench.targets.local.parts import ServedVersion, Server
from workbench.targets.local.process import ServerProcess
from workbench.targets.local.traffic import TrafficFile, Wanted, status_of
from workbench.targets.prices import HOURS, Prices
from workbench.targets.protocol import Answered, Doing, Part
from workbench.targets.release import Release

if TYPE_CHECKING:
    import requests

    from workbench.targets.opening import Place

__all__ = ["LocalServing"]

TOKEN = "SERVING_TOKEN"  # noqa: S105 - the name of a secret
_SECONDS = 30.0


class LocalServing:
    """One client served on this machine.

    Args:
        place: whose, where, and how it is configured.
    """

    kind = "local"
    can_pin = True
    caution = ""

    def __init__(self, place: Place) -> None:
        assert isinstance(place.settings, LocalTarget)  # noqa: S101 - adapters are chosen by it
        self.name, self._place = place.name, place
        folder = state_folder(place.project) / "serving" / place.client / place.name
        self.process = ServerProcess(place.project, place.client, folder, place.settings.port)
        self.file = TrafficFile(self.process.traffic)
        self._client = ClientRegistry(place.project).load(place.client)

    @property
    def where(self) -> str:
        """For a person."""
        return f"this machine, 127.0.0.1:{self.process.port}"

    def parts(self, release: Release) -> Sequence[Part]:
        """The version in the file, then the process."""
        return [ServedVersion(self, release), Server(self, release.client)]

    def versions(self) -> Sequence[int]:
        """Those in the file."""
        return sorted(self.file.read().versions)

    def traffic(self) -> Mapping[int, int]:
        """As the file says; a server that is down keeps its split for when it is up again."""
        return self.file.read().traffic

    def split(self, traffic: Mapping[int, int]) -> str:
        """Write the shares; the operation is the file's sha256, which the server shows when they are in force."""
        return self.file.change(lambda now: Wanted(now.versions, dict(traffic)))

    def poll(self, operation: str) -> Doing:
        """Whether the file is in force.

        Raises:
            TargetError: the server has refused it, or is down.
        """
        if self.file.sha256 != operation:
            return Doing(True)  # written anew since, by who holds the lock now
        if self.process.find() is None:
            raise TargetError(
                "its server is down",
                where=f"client {self._place.client}, target {self.name} ({self.where})",
                hint=f"`kedro deploy apply --env clients/{self._place.client} --target {self.name}` starts it",
            )
        return Doing(status_of(self.status(), operation), None, "loading the model")

    def predict(self, rows: Sequence[Mapping[str, Any]], version: int) -> Answered:
        """Ask one version, by the Open Inference Protocol."""
        path = f"/v2/models/{self._place.client}/versions/{version}"
        inputs = [
            {**_named(one), "shape": [len(rows)], "data": [row.get(one["name"]) for row in rows]}
            for one in self._ask("GET", path)["inputs"]
        ]
        answer = self._ask("POST", f"{path}/infer", {"inputs": inputs})
        columns = {one["name"]: one["data"] for one in answer["outputs"]}
        predictions = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        self._note_memory()
        return Answered(int(answer["model_version"]), predictions)

    def cost(self, prices: Prices) -> Cost:
        """Nothing beyond the machine that is there."""
        section = prices.targets.get(self.kind)
        source = section.source if section else ""
        return Cost((Line("this machine", HOURS, "h", 0.0, source),), prices.currency, str(prices.day))

    def close(self) -> None:
        """Nothing is held."""

    # ---- for the parts ----------------------------------------------------------------------------------------------

    def start(self) -> int:
        """Start the server."""
        client = self._client
        predictions = self._place.project / "data" / client.id / "07_model_output/serving/predictions.jsonl"
        hidden = [word for column in left_out(client) for word in ("--leave-out", column)]
        return self.process.start(client.serving.model_dump_json(), ("--prediction-log", str(predictions), *hidden))

    def is_up(self) -> bool:
        """Whether the process runs and has said where it listens."""
        return self.process.find() is not None

    def is_ready(self) -> bool:
        """Whether it serves what the file says."""
        try:
            return self.is_up() and self._request("GET", "/v2/health/ready").status_code == 200
        except Unreachable:  # it comes up, or it goes down
            return False

    def status(self) -> Mapping[str, Any]:
        """What it says of itself."""
        status: Mapping[str, Any] = self._ask("GET", "/v2/health/status")
        return status

    def _note_memory(self) -> None:
        """Write down what the server took until now, while it holds one version: plans are made with it."""
        if self._client.serving.workers > 1:
            return  # the process that is known by its file starts the others, and has no model
        pid, versions = self.process.find(), self.versions()
        most = memory.peak_of(pid) if pid is not None and len(versions) == 1 else None
        if most is not None:
            memory.record(self._place.project, self._place.client, versions[0], most)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        response = self._request(method, path, body)
        if response.status_code in {429, 500, 502, 503, 504}:
            error = Unreachable(f"the server answers {response.status_code}", where=self.where)
            error.retry_after = seconds_of(response.headers.get("Retry-After"))
            raise error
        if response.status_code >= 400:
            raise TargetError(
                f"the server answers {response.status_code}: {response.text[:300]}",
                where=f"client {self._place.client}, {self.where}",
                hint=f"the client's secret {TOKEN} is its bearer token" if response.status_code == 401 else "",
            )
        try:
            return response.json()
        except ValueError as error:
            raise Unreachable("the server's answer is cut", where=self.where) from error

    def _request(self, method: str, path: str, body: Any = None) -> requests.Response:
        import requests

        port = self.process.port_in_use() or self.process.port
        headers = {"Authorization": f"Bearer {self._place.secrets[TOKEN]}"} if self._client.serving.auth else {}
        try:
            with requests.Session() as session:
                session.trust_env = False  # a proxy has no business on loopback
                return session.request(
                    method, f"http://127.0.0.1:{port}{path}", json=body, headers=headers, timeout=_SECONDS
                )
        except requests.RequestException as error:
            raise Unreachable(f"the server does not answer ({type(error).__name__})", where=self.where) from error


def _named(tensor: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": tensor["name"], "datatype": tensor["datatype"]}
