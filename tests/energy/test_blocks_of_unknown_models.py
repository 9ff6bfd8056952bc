"""Energy of blocks in a model of which nothing else is known: no layer is stated, and nothing end to end."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import packages
from conftest import Outcome
from quweit_cli import artifacts, config
from quweit_cli.documents import BlockSite, DumpManifest, EnergyRow, EnergyTable
from quweit_cli.ir.nodes.products import Gemm, systolic_cycles
from quweit_cli.stages import energy, front


def site(name: str, rows: int, features: int, hidden: int | None, outputs: int) -> BlockSite:
    return BlockSite(
        module=name, rows=rows, features=features, outputs=outputs, hidden=hidden, normalised=True
    )


WIDE, NARROW, UNKNOWN = (
    site("stages.0.mlp", 50, 96, 384, 96),
    site("stages.1.mlp", 10, 192, 400, 192),
    site("mine", 7, 20, None, 30),
)


def dump_of(sites: Sequence[BlockSite]) -> DumpManifest:
    known = packages.dump_manifest(packages.I_VIT_T.model_copy(update={"layers": len(sites)}))
    blocks = [block.model_copy(update={"site": one}) for block, one in zip(known.blocks, sites, strict=True)]
    return known.model_copy(update={"model": None, "blocks": blocks})


def table_of(project: Path, *sites: BlockSite) -> EnergyTable:
    shape = packages.I_VIT_T.model_copy(update={"layers": len(sites)})
    packages.write_project(project, shape, dump=dump_of(sites))
    return energy.run(project, config.Energy(arrays=(32,)))


def rows_of(table: EnergyTable, scope: str, *, weightless: bool) -> list[EnergyRow]:
    return [one for one in table.rows if one.scope == scope and one.weightless == weightless]


def test_each_block_is_beside_the_mlp_in_whose_place_it_came(tmp_path: Path) -> None:
    table = table_of(tmp_path / "p", WIDE, NARROW, WIDE)
    wide = systolic_cycles([Gemm("up", 50, 96, 384), Gemm("down", 50, 384, 96)], 32)
    narrow = systolic_cycles([Gemm("up", 10, 192, 400), Gemm("down", 10, 400, 192)], 32)
    dense = {one.subject: one.cycles for one in rows_of(table, "mlp", weightless=False)}
    assert dense == {"mlp as of block_0": wide, "mlp as of block_1": narrow}
    assert rows_of(table, "mlps", weightless=False)[0].cycles == 2 * wide + narrow
    blocks = [one for one in rows_of(table, "block", weightless=True) if one.accounting == "measured"]
    assert [one.cycles for one in blocks] == [50 * 192, 10 * 192, 50 * 192]
    (total,) = (one for one in rows_of(table, "mlps", weightless=True) if one.accounting == "measured")
    assert (total.cycles, total.operation) == (110 * 192, "MLPs of 3 blocks")
    power = {one.subject: one.value for one in rows_of(table, "mlp", weightless=False)}
    ratios = {one.name: one.value for one in table.ratios if one.accounting == "measured"}
    assert ratios["MLP of block_1, systolic 32x32"] == pytest.approx(
        power["mlp as of block_1"] / blocks[1].value
    )
    assert {one.scope for one in table.ratios} == {"mlp", "mlps"}


def test_equal_mlps_are_one_row(tmp_path: Path) -> None:
    table = table_of(tmp_path / "p", WIDE, WIDE)
    assert [one.subject for one in rows_of(table, "mlp", weightless=False)] == ["mlp"]


def test_a_block_that_took_the_place_of_none_is_compared_with_none(tmp_path: Path) -> None:
    table = table_of(tmp_path / "p", WIDE, UNKNOWN)
    assert table.ratios == [] and all(one.weightless for one in table.rows)
    operations = {one.subject: one.operation for one in table.rows}
    assert operations == {
        "block_0": "MLP 96 -> 384 -> 96 on 50 rows",
        "block_1": "block 20 -> 30 on 7 rows",
        "mlps": "2 blocks",
    }


@pytest.mark.parametrize("sites", [(WIDE, NARROW), (WIDE, UNKNOWN)])
def test_nothing_is_said_of_layers(
    sites: tuple[BlockSite, ...], tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    table = table_of(tmp_path / "p", *sites)
    assert table.multiplications_replaced is None and table.weights_replaced is None
    said = [
        quweit("-q", "energy", tmp_path / "p", "--all").stdout,
        quweit("-q", "report", tmp_path / "p").stdout,
    ]
    said.append((tmp_path / "p/report/index.html").read_text())
    for text in said:
        assert "end to end" not in text.replace("nothing end to end", "") and "attention products" not in text
        assert "multiplications" not in text
    assert "2 blocks of a model of which nothing else is known" in said[2]
    assert "no layer is stated" in said[0] and "no layer is stated" in said[2]


def test_foldings_are_of_the_rows_that_a_sample_gives_the_block(tmp_path: Path) -> None:
    table_of(tmp_path / "p", NARROW)
    (point,) = front._measured(tmp_path / "p", "block_0", 10)
    assert point.sample_cycles == 10 * 192


def test_the_papers_tables_ask_for_a_shape(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    table_of(tmp_path / "p", WIDE)
    baseline = artifacts.open_project(tmp_path / "baseline")
    packages.write_project(baseline / "i_vit_t")
    done = quweit("-q", "energy", baseline, "--tables", "--block", tmp_path / "p")
    assert done.code == 2
    assert "nothing is known but its blocks" in done.stderr and "`shape`" in done.stderr
