"""The energy of a whole model: engines by their cycles, memories by their accesses, and nothing that is not known counts as 0."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import packages
import whole_models
from quweit_cli import artifacts, config, documents
from quweit_cli.documents import ModelEnergy
from quweit_cli.energy import power, published
from quweit_cli.energy.whole import model_energy
from quweit_cli.errors import ArtifactError, CheckFailed, ConfigError
from quweit_cli.report import tables
from quweit_cli.report.energy_tables import energy as energy_tables
from quweit_cli.stages import energy, report
from quweit_cli.stages.summary import write_summary


def spent(project: Path, options: config.Energy | None = None) -> ModelEnergy:
    made = energy.run(project, options or config.Energy()).model
    assert made is not None
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("energy") / "project"
    whole_models.write_project(path)
    return path


def test_each_engine_spends_its_power_in_the_cycles_of_its_jobs(project: Path) -> None:
    made = spent(project)
    engines = {one.engine: one for one in made.engines}
    for name, (luts, ffs) in whole_models.CELLS.items():
        expected = power.estimate(
            power.calibrated(), luts=luts, ffs=ffs, clock_mhz=200, device="xcvu9p-flgb2104-2-i"
        ).power_mw
        one = engines[name]
        assert one.power_mw == pytest.approx(expected)
        assert one.energy_uj == pytest.approx(expected * one.cycles / 200 / 1000)
        assert (one.idle_mw, one.modelled) == (None, True)
    assert engines["array"].cycles == whole_models.WORKING["array"]
    assert engines["control"].cycles == made.cycles == whole_models.CYCLES
    assert made.engines_uj == pytest.approx(sum(one.energy_uj or 0 for one in made.engines))
    assert made.idle_uj is None  # no tool of an FPGA states it


def test_memories_spend_by_access_and_by_the_block_rams_that_they_take(project: Path) -> None:
    made = spent(project)
    access = published.BLOCK_RAM_ACCESS.picojoules
    assert access == pytest.approx(28.33, abs=0.01)
    by_name = {one.memory: one for one in made.memories}
    assert by_name["weights"].energy_uj == pytest.approx(5_000 * 2 * access / 1e6)
    assert by_name["activations_a"].energy_uj == pytest.approx(4_000 * 2 * access / 1e6)
    assert by_name["jobs"].energy_uj == 0 and by_name["jobs"].brams == 0  # LUTs, which their engine has
    assert made.energy_uj == pytest.approx((made.engines_uj or 0) + (made.memories_uj or 0))
    assert "Virtex-5" in made.memory_source


def test_an_access_that_nothing_states_leaves_the_sum_open(tmp_path: Path) -> None:
    whole_models.write_project(tmp_path, model=whole_models.synthesized(urams=1))
    made = spent(tmp_path)
    assert made.engines_uj is not None
    assert (made.memories_uj, made.energy_uj) == (None, None)
    summary = write_summary(tmp_path).model
    assert summary is not None and summary.energy_uj == {"weightless": None}


def test_cells_of_a_library_spend_what_was_measured_and_else_vectorless_and_wait_with_their_clock(
    tmp_path: Path,
) -> None:
    whole_models.write_project(tmp_path, model=whole_models.library_model())
    made = spent(tmp_path)
    array = next(one for one in made.engines if one.engine == "array")
    assert made.clock_mhz == 1000
    assert array.power_mw == pytest.approx(4 * (0.25 + 1.0))
    assert array.idle_mw == pytest.approx(4 * (0.5 + 0.5))
    waits = whole_models.CYCLES - whole_models.WORKING["array"]
    assert array.idle_uj == pytest.approx(4 * waits / 1000 / 1000)
    assert "vectorless" in array.power_sources[0] and "quweit_array_1" in array.power_sources[0]
    assert "memories" not in [one.engine for one in made.engines]
    weights = next(one for one in made.memories if one.memory == "weights")
    assert weights.access_pj == pytest.approx(10 * math.sqrt(8192 / 8192))  # 1,024 words of 64 bits are 8 KB
    assert "Horowitz" in made.memory_source and made.memory_source.startswith("assumed")
    assert made.idle_uj is not None


def test_power_that_waits_and_is_not_known_is_absent(tmp_path: Path) -> None:
    whole_models.write_project(tmp_path, model=whole_models.library_model(idle_mw=None))
    made = spent(tmp_path)
    assert made.idle_uj is None and made.energy_uj is not None


def test_power_of_the_whole_is_taken_where_a_tool_states_it(tmp_path: Path) -> None:
    vivado = whole_models.synthesized().model_copy(update={"power_mw": 500.0, "power_method": "report_power"})
    whole_models.write_project(tmp_path, model=vivado)
    made = spent(tmp_path)
    (one,) = made.engines
    assert (one.engine, one.power_mw, one.cycles) == ("model", 500.0, whole_models.CYCLES)
    assert made.memories == [] and made.energy_uj == one.energy_uj


def test_the_sum_by_formula_stands_beside_it_with_the_difference(project: Path) -> None:
    table = energy.run(project, config.Energy())
    assert table.model is not None
    (row,) = (
        one for one in table.rows if (one.scope, one.array, one.accounting) == ("model", "systolic 8x8", "measured")
        and one.weightless
    )  # fmt: skip
    assert table.model.formula_uj == row.value
    assert "filling and draining" in table.model.difference
    assert f"{whole_models.WORKING['array']:,}" in table.model.difference
    assert spent(project, config.Energy(arrays=(16,))).formula_uj is None


@pytest.mark.parametrize(
    ("sim", "error", "words"),
    [
        (whole_models.simulated(bit_exact=False), CheckFailed, "does not equal the integer program"),
        (
            whole_models.simulated(interval=None),
            ArtifactError,
            "no simulation measured the cycles of `model`",
        ),
        (
            whole_models.simulated().model_copy(update={"simulators": []}),
            ArtifactError,
            "no simulation measured",
        ),
    ],
)
def test_without_proof_or_cycles_there_is_no_energy(
    tmp_path: Path, sim: object, error: type[Exception], words: str
) -> None:
    whole_models.write_project(tmp_path, sim=sim)  # type: ignore[arg-type]
    with pytest.raises(error, match=words):
        energy.run(tmp_path, config.Energy())
    assert not (tmp_path / "energy").exists()


def test_a_package_of_an_earlier_version_is_refused() -> None:
    design = whole_models.model_design().model_copy(update={"engines": []})
    with pytest.raises(ArtifactError, match="which engines its model has"):
        model_energy(design, 1, whole_models.synthesized(), 200, power.calibrated(), weightless=True)


# ---------------------------------------------------------------- the dense twin


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dense") / "project"
    whole_models.write_project(path, weightless=False)
    energy.run(path, config.Energy())
    return path


def test_the_dense_twin_stands_beside_it(project: Path, dense: Path) -> None:
    table = energy.run(project, config.Energy(dense=dense))
    assert table.dense is not None and table.model is not None
    assert not table.dense.weightless and table.model.weightless
    assert "block_0" not in [one.engine for one in table.dense.engines]
    titles = [one.title for one in energy_tables(table)]
    assert sum("a sample of the whole model" in title for title in titles) == 2
    summary = write_summary(project)
    assert summary.model is not None
    assert summary.model.energy_uj == {"weightless": table.model.energy_uj, "dense": table.dense.energy_uj}
    assert summary.model.simulators["verilator"].cycles_per_sample == whole_models.CYCLES
    assert summary.model.schedule_cycles == whole_models.SCHEDULE
    assert summary.model.brams == 4 and summary.model.urams == 0
    (shown,) = tables.summary(summary)
    assert any("whole model, dense" in str(row[1]) for row in shown.rows)


def trained_apart(project: Path, place: int) -> None:
    """A training of the model alone: the weightless one (0), or the dense one."""
    both = packages.train_result()
    options = {"model": {"arithmetic": "integer"}}
    with artifacts.writing_stage(project, "train", inputs={}, options=options) as folder:
        documents.TRAIN.save(both.model_copy(update={"models": [both.models[place]]}), folder)


def test_a_twin_that_was_trained_in_its_own_project_stands_beside_the_model(tmp_path: Path) -> None:
    for name, weightless in (("dense", False), ("weightless", True)):
        whole_models.write_project(tmp_path / name, weightless=weightless)
        trained_apart(tmp_path / name, int(not weightless))
    energy.run(tmp_path / "dense", config.Energy())
    project = tmp_path / "weightless"
    assert energy.run(project, config.Energy()).twin is None
    alone = write_summary(project).train
    assert alone is not None and set(alone.test_accuracy) == {"weightless"}
    energy.run(project, config.Energy(dense=tmp_path / "dense"))
    both = write_summary(project).train
    assert both is not None and both.test_accuracy == {"weightless": 0.9711, "dense": 0.9733}
    page = report.run(project).read_text()
    assert "dense twin 97.33 %" in page


def test_a_dense_model_alone_has_its_energy_and_no_ratio(dense: Path) -> None:
    table = energy.run(dense, config.Energy())
    assert table.model is not None and table.ratios == []
    assert table.rows and not any(row.weightless for row in table.rows)
    assert table.model.formula_uj == next(
        row.value for row in table.rows if (row.scope, row.array) == ("model", "systolic 8x8")
    )
    assert energy_tables(table)


def test_a_twin_that_is_none_is_refused(project: Path, dense: Path, tmp_path: Path) -> None:
    energy.run(project, config.Energy())
    with pytest.raises(ConfigError, match="has blocks, and is no dense twin"):
        energy.run(dense, config.Energy(dense=project))
    with pytest.raises(ConfigError, match="differs in clock_mhz"):
        energy.run(project, config.Energy(dense=dense, clock_mhz=100))
    with pytest.raises(ArtifactError):
        energy.run(project, config.Energy(dense=tmp_path))


def test_another_energy_of_the_twin_is_another_input(project: Path, dense: Path) -> None:
    options = config.Energy(dense=dense)
    energy.run(project, options)
    before = energy.keys.energy(project, options)
    energy.run(dense, config.Energy(clock_mhz=150))
    assert energy.keys.energy(project, options) != before
    energy.run(dense, config.Energy())
