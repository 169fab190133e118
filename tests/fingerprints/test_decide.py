"""What changed is run again, what did not is skipped, and in the end it is as if all had been run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from workbench.datasets import JsonRecord
from workbench.fingerprints.code import Code
from workbench.fingerprints.decide import Decision, Judge
from workbench.fingerprints.reasons import Done
from workbench.fingerprints.stamps import Digests


@dataclass
class World:
    """A pipeline of nodes that add up what they read, some outputs on disk and some in memory, and what was done.

    Attributes:
        shape: for each node, the numbers of the nodes that it reads.
        kept: which outputs lie on disk.
        rounds: nodes whose result is cut to tens, so that a change before them may end there.
        parameters: one number a node.
        code: a version a node.
    """

    folder: Path
    shape: Sequence[Sequence[int]]
    kept: Sequence[bool]
    rounds: Sequence[bool]
    parameters: list[int] = field(default_factory=list)
    code: list[int] = field(default_factory=list)
    done: dict[str, Done] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parameters, self.code = [1] * len(self.shape), [0] * len(self.shape)

    def pipeline(self) -> Pipeline:
        return Pipeline(
            [
                Node(
                    self._function(number),
                    [f"params:p{number}", *(f"d{one}" for one in reads)],
                    f"d{number}",
                    name=f"n{number}",
                )
                for number, reads in enumerate(self.shape)
            ]
        )

    def _function(self, number: int) -> Callable[..., Any]:
        def add(parameter: int, *inputs: dict[str, int]) -> dict[str, int]:
            total = parameter + self.code[number] + sum(one["value"] for one in inputs)
            return {"value": total // 10 if self.rounds[number] else total}

        return add

    def catalog(self, folder: Path) -> DataCatalog:
        datasets: dict[str, Any] = {
            f"d{number}": JsonRecord(filepath=str(folder / f"d{number}.json")) if kept else MemoryDataset()
            for number, kept in enumerate(self.kept)
        }
        return DataCatalog(
            datasets | {f"params:p{number}": MemoryDataset(value) for number, value in enumerate(self.parameters)}
        )

    def judge(self, pipeline: Pipeline, catalog: DataCatalog, *, force: bool = False) -> Judge:
        def code(node: Node) -> Code:
            return Code({node.name: str(self.code[int(node.name[1:])])}, frozenset(), frozenset())

        return Judge(
            pipeline.nodes,
            catalog,
            code=code,
            digests=Digests(self.folder, {}),
            done=self.done,
            files_of=lambda digest: self.files.get(digest, {}),
            force=force,
        )

    def foresee(self) -> dict[str, Decision]:
        pipeline = self.pipeline()
        return self.judge(pipeline, self.catalog(self.folder)).decide()

    def run(self, *, force: bool = False) -> list[str]:
        """As the runner does; the names of the nodes that ran."""
        pipeline, catalog, ran = self.pipeline(), self.catalog(self.folder), []
        judge = self.judge(pipeline, catalog, force=force)
        for node in pipeline.nodes:
            facts = judge.facts(node)
            decision = judge.decide_on(node)
            assert decision == judge.decide()[node.name], "one node is decided on as among all"
            if decision.action != "skip":
                inputs = {name: catalog.load(name) for name in node.inputs}
                for name, data in node.run(inputs).items():
                    catalog.save(name, data)
                ran.append(node.name)
                judge.ended(node, facts)
                outputs = judge.outputs_of(node)
                if outputs and facts.fingerprint:
                    self.done[node.name] = Done(facts.fingerprint, json.loads(json.dumps(facts.to_dict())), outputs)
                    self.files[facts.code.digest] = dict(facts.code.files)
            else:
                judge.ended(node, facts)
        return ran

    def results(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(self.folder.glob("*.json"))}

    def from_scratch(self) -> dict[str, str]:
        with TemporaryDirectory() as folder:
            clean = World(Path(folder), self.shape, self.kept, self.rounds)
            clean.parameters, clean.code = self.parameters, self.code
            clean.run()
            return clean.results()


@pytest.fixture
def chain(tmp_path: Path) -> World:
    """d0 → d1 (memory) → d2, cut to tens → d3."""
    world = World(tmp_path, [[], [0], [1], [2]], [True, False, True, True], [False, False, True, False])
    assert world.run() == ["n0", "n1", "n2", "n3"]
    return world


def test_nothing_changed(chain: World) -> None:
    assert chain.run() == []
    assert {one.action for one in chain.foresee().values()} == {"skip"}


def test_a_parameter_changed_and_its_effect_ends_early(chain: World) -> None:
    chain.parameters[0] = 2
    foreseen = chain.foresee()
    assert [foreseen[f"n{number}"].action for number in range(4)] == ["run", "maybe", "maybe", "maybe"]
    assert foreseen["n0"].reasons == ("p0 changed",)
    assert foreseen["n1"].reasons == ("n2 needs what it makes",)
    assert foreseen["n2"].reasons == ("d1 may change: n0 runs",) or foreseen["n2"].reasons == (
        "d1 may change: n1 runs",
    )
    assert chain.run() == ["n0", "n1", "n2"], "2 + 1 + 1 is as many tens as 1 + 1 + 1"
    assert chain.results() == chain.from_scratch()
    chain.parameters[0] = 50
    assert chain.run() == ["n0", "n1", "n2", "n3"]
    assert chain.results() == chain.from_scratch()


def test_what_lives_in_memory_is_made_again_for_who_needs_it(chain: World) -> None:
    chain.code[2] = 3
    assert chain.foresee()["n2"].reasons == ("code changed: n2",)
    assert chain.run() == ["n1", "n2"]


def test_an_output_is_missing_or_was_changed(chain: World) -> None:
    (chain.folder / "d2.json").unlink()
    assert chain.foresee()["n2"].reasons == ("d2 is missing",)
    assert chain.run() == ["n1", "n2"]
    (chain.folder / "d3.json").write_text('{"value": 99}')
    assert chain.foresee()["n3"].reasons == ("d3 was changed by somebody else",)
    assert chain.run() == ["n3"]
    assert chain.results() == chain.from_scratch()


def test_force(chain: World) -> None:
    assert chain.run(force=True) == ["n0", "n1", "n2", "n3"]


def test_what_was_forgotten_is_done_again(chain: World) -> None:
    del chain.done["n3"]
    assert chain.foresee()["n3"].reasons == ("it has not been done yet",)
    assert chain.run() == ["n3"]


def test_a_node_that_leaves_nothing_behind_always_runs(tmp_path: Path) -> None:
    world = World(tmp_path, [[], [0]], [True, False], [False, False])
    world.run()
    assert world.foresee()["n1"].reasons == ("it leaves nothing behind",)
    assert world.run() == ["n1"]


def test_what_cannot_be_seen_is_read_again_and_ends_early(tmp_path: Path) -> None:
    """As a database: whether it changed is only known when it was read."""

    class Unseen(MemoryDataset):
        def fingerprint(self, look: object) -> None:
            """Cannot be told."""

    world = World(tmp_path, [[], [0]], [True, True], [False, False])
    make = world.catalog
    world.catalog = lambda folder: DataCatalog(dict(make(folder).items()) | {"params:p0": Unseen(world.parameters[0])})  # type: ignore[method-assign]
    assert world.run() == ["n0", "n1"]
    assert world.foresee()["n0"].reasons == ("whether params:p0 changed cannot be seen",)
    assert world.run() == ["n0"], "it left the same bytes"
    world.parameters[0] = 7
    assert world.run() == ["n0", "n1"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[list[int]], list[bool], list[bool]]:
    size = draw(st.integers(1, 7))
    shape = [draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True)) if n else [] for n in range(size)]
    flags = st.lists(st.booleans(), min_size=size, max_size=size)
    return shape, draw(flags), draw(flags)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["parameter", "code", "delete", "tamper", "forget", "stop"]),
        st.integers(0, 6),
        st.integers(0, 30),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(worlds(), CHANGES, st.integers(0, 3))
def test_it_is_as_if_everything_had_been_run(
    world: tuple[list[list[int]], list[bool], list[bool]], changes: list[tuple[str, int, int]], pause: int
) -> None:
    """Whatever changes, whenever it is run in between: the results are those of a clean run."""
    with TemporaryDirectory() as name:
        here = World(Path(name), *world)
        here.run()
        for step, (change, where, value) in enumerate(changes):
            number = where % len(here.shape)
            path = here.folder / f"d{number}.json"
            if change == "parameter":
                here.parameters[number] = value
            elif change == "code":
                here.code[number] = value
            elif change == "delete":
                path.unlink(missing_ok=True)
            elif change == "tamper" and path.exists():
                path.unlink()
                path.write_text(json.dumps({"value": value}))
            elif change == "forget":
                here.done.pop(f"n{number}", None)
            if pause and step % pause == 0:
                here.run()
        here.run()
        assert here.results() == here.from_scratch()
        lasting = {f"n{number}" for number, kept in enumerate(here.kept) if kept}
        assert not lasting & set(here.run()) or not all(here.kept), "a second run has nothing to do"
