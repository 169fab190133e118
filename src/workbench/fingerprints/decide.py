"""Which nodes of a pipeline have to run: those whose fingerprint, or whose output on disk, is not that of last time.

A node that left the same bytes as before changes nothing for those after it (an early cut-off, as in Mokhov, Mitchell
and Peyton Jones, "Build systems à la carte", 2018, section 2.3). So what has to run is asked again before each node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.fingerprints.facts import Facts, Inputs, Key, Look, facts_of, is_ephemeral, key_of, path_of
from workbench.fingerprints.reasons import Done, outputs_differ, why

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline.node import Node

    from workbench.fingerprints.code import Code
    from workbench.fingerprints.stamps import Digests

__all__ = ["Decision", "Judge"]

Action = Literal["run", "skip", "maybe"]
"""``maybe``: it runs if what is made before it turns out to be different."""

FORCED = "it was asked for"
NOTHING_STAYS = "it leaves nothing behind"


@dataclass(frozen=True)
class Decision:
    """What is to become of a node, and why."""

    node: str
    action: Action
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Pending:
    """An input that a node makes which has not run yet."""

    maker: str


class Judge:
    """Decides for the nodes of one run, again and again while it goes on.

    Args:
        nodes: of the pipeline, in the order in which they run.
        catalog: its datasets.
        code: gives the code of a node.
        digests: of files.
        done: node to what it left the last time.
        files_of: digest of code to its files, for the reasons.
        force: run all of them.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        catalog: CatalogProtocol[Any, Any],
        *,
        code: Callable[[Node], Code],
        digests: Digests,
        done: Mapping[str, Done],
        files_of: Callable[[str], Mapping[str, str]] = lambda _: {},
        force: bool = False,
    ) -> None:
        self._nodes, self._catalog, self._code, self._digests = list(nodes), catalog, code, digests
        self._done, self._files_of, self._force = done, files_of, force
        self._maker = {name: node for node in self._nodes for name in node.outputs}
        self._ended: dict[str, Facts] = {}
        self._outside: dict[tuple[str, frozenset[str]], Key | None] = {}

    def decide(self) -> dict[str, Decision]:
        """A decision for each node that has not ended."""
        facts: dict[str, Facts | None] = {}
        decisions: dict[str, Decision] = {}
        for node in self._nodes:
            if node.name not in self._ended:
                decisions[node.name] = self._judged(node, facts, decisions)
        for node in reversed(self._nodes):
            if node.name in decisions:
                decisions[node.name] = self._as_needed(node, decisions)
        return decisions

    def decide_on(self, node: Node) -> Decision:
        """The decision for a node before which all have ended; the same as :meth:`decide` has for it.

        Those after it count only for what lives as long as the run, so most nodes are decided on alone: to judge all
        that are left before each of them took a seventh of what a run of many small nodes costs beside its nodes.
        """
        if self._force:
            return Decision(node.name, "run", (FORCED,))
        if len(self._lasting(node)) == len(node.outputs) > 0:
            return self._judged(node, {}, {})
        return self.decide()[node.name]

    def facts(self, node: Node) -> Facts:
        """What the node's result would depend on now: all that is made before it has ended."""
        inputs = {name: self._key(name, node, {}, {}) for name in node.inputs}
        return facts_of(node, self._code(node), _known(inputs))

    def ended(self, node: Node, facts: Facts) -> None:
        """Note that a node ran, or was skipped."""
        self._ended[node.name] = facts

    def outputs_of(self, node: Node) -> dict[str, str | None]:
        """Dataset to digest of what a node has left on disk; what lies elsewhere has None."""
        paths = {name: path_of(self._catalog[name]) for name in self._lasting(node)}
        return {name: None if path is None else self._digests(path) for name, path in paths.items()}

    def _judged(self, node: Node, facts: dict[str, Facts | None], decisions: Mapping[str, Decision]) -> Decision:
        inputs = {name: self._key(name, node, facts, decisions) for name in node.inputs}
        pending = {name: key.maker for name, key in inputs.items() if isinstance(key, _Pending)}
        now = facts_of(node, self._code(node), _known(inputs))
        facts[node.name] = None if pending else now
        if self._force:
            return Decision(node.name, "run", (FORCED,))
        if not self._lasting(node):
            return Decision(node.name, "skip") if self._is_read(node) else Decision(node.name, "run", (NOTHING_STAYS,))
        done = self._done.get(node.name)
        reasons = why(now, done, self._files_of, pending=pending.keys())
        if done is not None:
            reasons += outputs_differ(done, self.outputs_of(node), self._catalog.exists)
        if reasons:
            return Decision(node.name, "run", tuple(reasons))
        if pending:
            waits = tuple(f"{name} may change: {maker} runs" for name, maker in sorted(pending.items()))
            return Decision(node.name, "maybe", waits)
        return Decision(node.name, "skip")

    def _as_needed(self, node: Node, decisions: Mapping[str, Decision]) -> Decision:
        """A node is also run for what only lives during the run, if another one reads that."""
        passing = set(node.outputs) - set(self._lasting(node))
        for action in ("run", "maybe"):
            if decisions[node.name].action in {"run", action}:
                break
            for reader in self._nodes:
                reads = reader.name in decisions and decisions[reader.name].action == action
                if reads and passing & set(reader.inputs):
                    return Decision(node.name, action, (f"{reader.name} needs what it makes",))
        return decisions[node.name]

    def _key(
        self, name: str, node: Node, facts: Mapping[str, Facts | None], decisions: Mapping[str, Decision]
    ) -> Key | _Pending | None:
        dataset = self._catalog[name]
        maker = self._maker.get(name)
        look = Look(self._digests, self._code(node).names)
        if maker is None:
            # Asked once: what comes from outside is the same for all nodes that read it.
            if (name, look.names) not in self._outside:
                self._outside[name, look.names] = key_of(dataset, look)
            return self._outside[name, look.names]
        if not is_ephemeral(dataset) and self._is_settled(maker, decisions):
            return key_of(dataset, look)
        if not is_ephemeral(dataset):
            return _Pending(maker.name)
        made_by = self._ended.get(maker.name) or facts.get(maker.name)
        if made_by is None:
            return _Pending(maker.name)
        return None if made_by.fingerprint is None else {"": made_by.fingerprint}

    def _is_settled(self, maker: Node, decisions: Mapping[str, Decision]) -> bool:
        return maker.name in self._ended or (maker.name in decisions and decisions[maker.name].action == "skip")

    def _lasting(self, node: Node) -> list[str]:
        return [name for name in node.outputs if not is_ephemeral(self._catalog[name])]

    def _is_read(self, node: Node) -> bool:
        return any(set(node.outputs) & set(reader.inputs) for reader in self._nodes)


def _known(inputs: Mapping[str, Key | _Pending | None]) -> Inputs:
    return {name: None if isinstance(key, _Pending) else key for name, key in inputs.items()}
