"""Nodes of a pipeline grouped to containers, and the check that nothing gets lost between two of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

__all__ = ["Container", "Step", "containers_of", "grouped", "steps_of"]


@dataclass(frozen=True)
class Step:
    """A node.

    Attributes:
        tags: of which one names its container.
    """

    name: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Container:
    """Nodes that run in one process.

    Attributes:
        after: the containers whose datasets it reads.
    """

    name: str
    steps: tuple[Step, ...]
    after: tuple[str, ...] = field(default=())


def steps_of(pipeline: Pipeline) -> list[Step]:
    """A Kedro pipeline's nodes, in an order in which they can run."""
    return [
        Step(node.name, frozenset(node.inputs), frozenset(node.outputs), frozenset(node.tags))
        for node in pipeline.nodes
    ]


def containers_of(text: str) -> dict[str, tuple[str, ...]]:
    """Containers and their tags, from ``ingest+prepare,train``.

    Raises:
        ConfigurationError: a tag is named twice, or is none.
    """
    parts = text.split(",")
    tags = [tag for part in parts for tag in part.split("+")]
    if len(tags) != len(set(tags)) or not all(re.fullmatch(r"[a-z][a-z0-9_]{0,29}", tag) for tag in tags):
        raise ConfigurationError(
            f"'{text[:80]}' does not say which tags make a container",
            hint="write tags with +, containers with a comma: ingest+prepare,train",
        )
    return {part.replace("+", "-"): tuple(part.split("+")) for part in parts}


def grouped(
    steps: Sequence[Step], groups: Mapping[str, Sequence[str]], is_kept: Callable[[str], bool]
) -> list[Container]:
    """Group nodes by their tag.

    Args:
        steps: nodes, in an order in which they can run.
        groups: containers, and the tags of their nodes.
        is_kept: whether a dataset of that name is there for another process, too.

    Returns:
        The containers that have nodes, in an order in which they can run.

    Raises:
        ConfigurationError: a node belongs to none of them or to two, containers wait for each other, or a dataset that
            is in memory only is made in one and read in another.
    """
    where = {step.name: _group(step, groups) for step in steps}
    maker = {dataset: step for step in steps for dataset in step.outputs}
    needs: dict[str, set[str]] = {where[step.name]: set() for step in steps}
    for step in steps:
        for dataset in sorted(step.inputs):
            made_by = maker.get(dataset)
            if made_by is None or where[made_by.name] == where[step.name]:
                continue
            if not is_kept(dataset):
                readers = [
                    one.name for one in steps if dataset in one.inputs and where[one.name] != where[made_by.name]
                ]
                raise _lost(dataset, made_by, readers, where)
            needs[where[step.name]].add(where[made_by.name])
    order = _ordered(needs)
    return [
        Container(
            name, tuple(step for step in steps if where[step.name] == name), tuple(sorted(needs[name], key=order.index))
        )
        for name in order
    ]


def _group(step: Step, groups: Mapping[str, Sequence[str]]) -> str:
    found = [group for group, tags in groups.items() if step.tags & set(tags)]
    if len(found) == 1:
        return found[0]
    raise ConfigurationError(
        f"node '{step.name}' belongs to {'two containers: ' + ', '.join(found) if found else 'no container'}",
        where="pipeline",
        tried=f"tags {', '.join(sorted(step.tags)) or 'none'}",
        hint="give each node the tag of one container",
    )


def _lost(dataset: str, maker: Step, readers: Sequence[str], where: Mapping[str, str]) -> ConfigurationError:
    into = ", ".join(f"'{name}' (container {where[name]})" for name in readers)
    return ConfigurationError(
        f"dataset '{dataset}' is in memory only; '{maker.name}' (container {where[maker.name]}) makes it, and {into} "
        f"{'reads' if len(readers) == 1 else 'read'} it in another container",
        where="pipeline",
        hint=f"give '{dataset}' a file in the catalog, or put these nodes into one container",
    )


def _ordered(needs: Mapping[str, set[str]]) -> list[str]:
    """The containers, each after those that it needs; of several that can run, the one that comes first."""
    order: list[str] = []
    left = dict(needs)
    while left:
        ready = next((name for name, before in left.items() if before <= set(order)), None)
        if ready is None:
            raise ConfigurationError(
                f"containers wait for each other: {', '.join(sorted(left))}",
                where="pipeline",
                hint="put the nodes that depend on each other both ways into one container",
            )
        order.append(ready)
        del left[ready]
    return order
