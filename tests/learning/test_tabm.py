"""TabM against the package of its authors, and the sizes that are chosen for a table."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import tabm
import torch

from workbench.learning.devices import half_precision
from workbench.learning.encoding import Inputs
from workbench.learning.networks import TabMSpec, build, default_spec, members
from workbench.learning.networks import tabm as tabm_module
from workbench.learning.networks.defaults import CPU_LADDER, work
from workbench.learning.networks.dropout import Dropout
from workbench.learning.networks.tabm import TabM

SPEC = TabMSpec(members=6, width=20, blocks=3, bins=4, embedding=5, dropout=0.0)
INPUTS = Inputs(edges=((-1.0, 0.0, 1.0), (0.0, 0.5, 1.0)), flags=1, cardinalities=(7,), outputs=3)


def batch(rows: int) -> tuple[torch.Tensor, ...]:
    return torch.randn(rows, 2), torch.ones(rows, 1), torch.full((rows, 1), 3, dtype=torch.int32)


def authors(network: TabM) -> torch.nn.Module:
    """The backbone and the head that the package makes, with this network's weights."""
    backbone = tabm.make_tabm_backbone(
        d_in=network.embedding.size,
        n_blocks=SPEC.blocks,
        d_block=SPEC.width,
        dropout=0.0,
        k=SPEC.members,
        start_scaling_init="normal",
        start_scaling_init_chunks=list(network.embedding.parts),
    )
    head = tabm.LinearEnsemble(SPEC.width, network.head.bias.shape[1], k=SPEC.members)
    for block, hidden in zip(backbone.blocks, network.hidden, strict=True):
        block[0].load_state_dict(hidden.state_dict())
    head.load_state_dict(network.head.state_dict())
    return torch.nn.Sequential(tabm.EnsembleView(k=SPEC.members), backbone, head)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("rows", [9, 90], ids=["rows are scaled", "weights are scaled"])
def test_outputs_and_gradients_are_those_of_the_authors_package(rows: int, outputs: int) -> None:
    torch.manual_seed(0)
    network = build(SPEC, replace(INPUTS, outputs=outputs)).train()
    assert isinstance(network, TabM)
    for hidden in network.hidden:  # away from the start, where most scalings are 1
        torch.nn.init.normal_(hidden.r)
        torch.nn.init.normal_(hidden.s)
    theirs = authors(network)
    embedded = network.embedding(*batch(rows)).detach()
    network.embedding.forward = lambda *_: embedded  # the same vectors for both: their encoding of columns differs
    ours, expected = network(*batch(rows)), theirs(embedded)
    torch.testing.assert_close(ours, expected)
    ours.square().mean().backward()
    expected.square().mean().backward()
    for hidden, block in zip(network.hidden, theirs[1].blocks, strict=True):
        for name, parameter in hidden.named_parameters():
            torch.testing.assert_close(parameter.grad, block[0].get_parameter(name).grad)
    for name, parameter in network.head.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs[2].get_parameter(name).grad)


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
def test_passes_that_are_written_out_give_what_autograd_gives(half: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the whole network, with the same dropped neurons; the order of sums is all that differs."""
    gradients = []
    for own in (True, False):
        for module in (members, tabm_module):
            monkeypatch.setattr(module, "by_hand", lambda _, own=own: own)
        torch.manual_seed(0)
        network = build(replace(SPEC, dropout=0.2), replace(INPUTS, outputs=1)).train()
        for hidden in network.hidden:  # type: ignore[union-attr]
            torch.nn.init.normal_(hidden.r)
            torch.nn.init.normal_(hidden.s)
        rows = batch(90)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            outputs = network(*rows)
        outputs.square().mean().backward()
        gradients.append({name: parameter.grad for name, parameter in network.named_parameters()})
    for name, found in gradients[0].items():
        expected = gradients[1][name]
        scale = expected.abs().max()
        torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=0.02 if half else 1e-5, msg=name)


def test_members_start_apart_by_one_number_a_column_and_share_all_else() -> None:
    torch.manual_seed(0)
    network = build(SPEC, INPUTS)
    assert isinstance(network, TabM)
    assert network.embedding.parts == (1, 5, 5, network.embedding.size - 11)
    first, *others = network.hidden
    for part in first.r.detach().split(network.embedding.parts, dim=1):
        assert (part == part[:, :1]).all()
        assert len(part[:, 0].unique()) == SPEC.members
    for scaling in (first.s, *(hidden.r for hidden in others), *(hidden.s for hidden in others)):
        assert (scaling == 1).all()
    assert (first.bias == first.bias[0]).all()
    assert (network.embedding.numeric.pieces == 0).all()  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [9, 200])
def test_half_precision_changes_little(size: int) -> None:
    torch.manual_seed(0)
    network = build(SPEC, INPUTS).eval()
    rows = batch(size)
    exact = network(*rows)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(*rows)
    assert half.dtype == torch.float32
    assert not torch.equal(half, exact)
    torch.testing.assert_close(half, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("rows", "columns", "budget", "place"),
    [
        (345, 30, 300, 0),  # a table of a few hundred rows: nothing to save
        (54_000, 30, math.inf, 0),
        (229_000, 45, 300, 1),
        (229_000, 45, math.inf, 1),
        (420_000, 36, 120, 3),
        (10_000_000, 40, 3600, 5),
    ],
)
def test_a_cpu_gets_what_the_budget_has_room_for(rows: int, columns: int, budget: float, place: int) -> None:
    chosen, rung = default_spec(rows, columns, "cpu", budget), CPU_LADDER[place]
    assert (chosen.members, chosen.width, chosen.embedding) == (rung.members, rung.width, rung.embedding)


def test_the_ladder_goes_down() -> None:
    costs = [work(spec, 40, 1000) for spec in CPU_LADDER]
    assert costs == sorted(costs, reverse=True)


def test_a_gpu_gets_the_paper_s_network_and_shorter_vectors_for_wide_tables() -> None:
    assert default_spec(100_000, 40, "cuda", 60) == TabMSpec()
    assert default_spec(100_000, 2_000, "cuda").embedding == 4


def test_a_small_table_has_fewer_pieces() -> None:
    assert [default_spec(rows, 10, "cpu").bins for rows in (2, 100, 345, 100_000)] == [2, 6, 21, 32]


def test_dropout_drops_its_share_everywhere_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    module, ones = Dropout(0.1).train(), torch.ones(1000, 803)  # no multiple of eight
    dropped = module(ones)
    share = (dropped == 0).float()
    assert share.mean() == pytest.approx(26 / 256, abs=0.002)
    assert dropped.mean() == pytest.approx(1, abs=0.002)
    by_byte = share.flatten()[: 803_000 // 8 * 8].view(-1, 8)
    torch.testing.assert_close(by_byte.mean(0), torch.full((8,), 26 / 256), atol=0.005, rtol=0)
    assert abs(torch.corrcoef(by_byte.T) - torch.eye(8)).max() < 0.02
    assert dropped.unique().tolist() == pytest.approx([0, 256 / 230])
    assert module.eval()(ones) is ones


def test_half_precision_is_used_where_the_processor_has_it_and_can_be_declined() -> None:
    known = torch.cpu.get_capabilities()
    with half_precision(torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu") == bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    with half_precision(torch.device("cpu"), wanted=False):
        assert not torch.is_autocast_enabled("cpu")
