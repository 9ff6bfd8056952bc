"""What each stage is made from: the digests that it reads and the settings that matter to it.

A stage on disk is up to date when its key is what it was (`artifacts.is_current`). The keys live
apart from the stages so that a finished run is recognised without importing torch.

    inputs, options = keys.rtl(project, rtl_options)
    with writing_stage(project, "rtl", inputs=inputs, options=options) as folder: ...
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from quweit_cli import config
from quweit_cli.artifacts import STAGES, check_fresh, digest_of, digest_of_file, file_digests, read_stage
from quweit_cli.boundary.pictures import pictures_below
from quweit_cli.boundary.readers import Unreadable
from quweit_cli.boundary.tables import PARTS
from quweit_cli.documents.search import FILE as SEARCH_FILE
from quweit_cli.documents.search import FOLDER as SEARCH_FOLDER
from quweit_cli.errors import ArtifactError
from quweit_cli.templating import template_root

PARTIAL = ("sim_partial", "netlist_partial")  # runs for a closer look: their waveforms are linked


@lru_cache
def renderer_digest() -> str:
    """Identifies what a package is made by: templates, generator and specification; not the report's page."""
    package = Path(__file__).parent.parent
    sources = [path for folder in ("hdl", "ir", "technologies") for path in (package / folder).rglob("*.py")]
    root = template_root()  # of the installation, whose files may be links
    templates = [path for path in root.rglob("*") if path.is_file() and root / "report" not in path.parents]
    return digest_of(
        [
            {path.relative_to(top).as_posix(): digest_of_file(path) for path in sorted(paths)}
            for top, paths in ((package, sources), (root, templates))
        ]
    )


class Key(NamedTuple):
    """`inputs` name -> sha256 of what is read; `options` the settings that change the outcome."""

    inputs: dict[str, str]
    options: dict[str, Any]


def train(experiment: config.Experiment) -> Key:
    """Sections of later stages are left out, so that changing one of them trains nothing again.

    A data file counts by its content, not by its place; call this once the file is there.
    """
    options = experiment.model_dump(
        mode="json", include={"name", "seed", "twin", "data", "model", "training"}
    )
    del options["data"]["path"]
    documents = {role: one for role, one in experiment.model.functions if isinstance(one, Path)}
    for role in documents:
        options["model"]["functions"][role] = "document"
    functions = {role: digest_of_file(path, f"the function `{role}` ") for role, path in documents.items()}
    for name in ("save_every", "tensorboard"):
        del options["training"][name]  # change nothing in what is learned
    distill = options["training"]["distill"]
    teacher = experiment.training.distill.teacher if distill["weight"] else None
    distill["teacher"] = teacher is not None
    start_from = experiment.training.start_from
    options["training"]["start_from"] = start_from is not None
    read = {"teacher": teacher, "start_from": start_from}
    checkpoints = {name: _checkpoint(path) for name, path in read.items() if path is not None}
    if packages := config.extensions.packages(experiment.model.family, experiment.data.source):
        options["packages"] = {key: list(package) for key, package in packages.items()}
    return Key(_data(experiment.data.path) | functions | checkpoints, options)


def dump(checkpoint: Path, options: config.Dump, data_path: Path | None = None) -> Key:
    """Raises ArtifactError when there is no such checkpoint."""
    inputs = {"checkpoint": _checkpoint(checkpoint), **_data(data_path)}
    return Key(inputs, options.model_dump(mode="json"))


def rtl(project: Path, options: config.Rtl, *, only: Sequence[str] = ()) -> Key:
    """Of a project that has a dump. The keys from here on raise ArtifactError when what they
    read is missing, StaleArtifact when it was made from something that has changed since."""
    inputs = _stages(project, "dump") | {"renderer": renderer_digest()}
    return Key(inputs, options.model_dump(mode="json") | {"only": list(only)})


def sim(project: Path, options: config.Sim, *, waves: bool = False, only: Sequence[str] = ()) -> Key:
    """Of the RTL as it lies there, changed by hand or not: finding a change is what `sim` is for."""
    check_fresh(project, "rtl")
    rows = {name: options.rows.get(name) for name in options.simulators}
    rtl_digest = digest_of(file_digests(project / "rtl"))
    chosen = {"rows": rows, "waves": waves, "only": list(only), "array_forms": list(options.array_forms)}
    chosen["samples"] = {name: options.samples.get(name) for name in options.simulators}
    chosen["steady_only"] = options.steady_only
    return Key({"rtl": rtl_digest}, chosen)


def netlist(project: Path, options: config.Sim, *, waves: bool = False, only: Sequence[str] = ()) -> Key:
    """Of the netlists that were synthesized from the RTL that lies there."""
    rows = {name: options.rows.get(name) for name in options.simulators}
    chosen = {"rows": rows, "samples": options.netlist_samples, "waves": waves, "only": list(only)}
    chosen["steady_only"] = options.steady_only
    return Key(_stages(project, "rtl", "synth"), chosen)


def synth(project: Path, options: config.Synth) -> Key:
    """The cache changes how long it takes, and nothing else. A cell library counts by its content, not by its place. Raises ArtifactError when it cannot be read."""
    inputs, chosen = _stages(project, "rtl"), options.model_dump(mode="json", exclude={"cache"})
    if options.liberty:
        chosen["liberty"] = [path.name for path in options.liberty]
    return Key(inputs | libraries(options.liberty), chosen)


def libraries(paths: Sequence[Path]) -> dict[str, str]:
    """Digests of cell libraries, which count by their content and not by their place. Raises ArtifactError."""
    return {
        f"liberty{index or ''}": digest_of_file(path, "the cell library ") for index, path in enumerate(paths)
    }


def energy(project: Path, options: config.Energy) -> Key:
    inputs = _stages(project, "dump", "rtl", "sim", "synth")
    if options.dense is not None:
        inputs |= {"dense": _stages(options.dense, "energy")["energy"]}
    return Key(inputs, options.model_dump(mode="json", exclude={"dense"}))


def front(project: Path, block: str) -> Key:
    """Of a block of the dump, of what was measured of it, and of what counts cells and cycles."""
    measured = [stage for stage in ("rtl", "sim", "synth") if (project / stage).is_dir()]
    return Key(_stages(project, "dump", *measured) | {"renderer": renderer_digest()}, {"block": block})


def search(shared: config.Experiment, choices: config.Search) -> Key:
    """Of a study: what all its trials share, and what they choose from; not when it is enough."""
    inputs, options = train(shared)
    chosen = choices.model_dump(mode="json", exclude={"trials", "minutes"})
    return Key(inputs, options | {"rtl": shared.rtl.model_dump(mode="json"), "search": chosen})


def report(project: Path) -> Key:
    """Of whichever artefacts are there."""
    present = [stage for stage in STAGES if stage != "report" and (project / stage).is_dir()]
    found = project / SEARCH_FOLDER / SEARCH_FILE
    search = {"search": digest_of_file(found)} if found.exists() else {}
    partial = [stage for stage in PARTIAL if (project / stage).is_dir()]
    looked_at = {stage: read_stage(project, stage).digest() for stage in partial}
    return Key(_stages(project, *present) | looked_at | search, {})


def _stages(project: Path, *stages: str) -> dict[str, str]:
    for stage in stages:
        check_fresh(project, stage)
    return {stage: read_stage(project, stage).digest() for stage in stages}


def _checkpoint(path: Path) -> str:
    try:
        return digest_of_file(path, "the checkpoint ")
    except ArtifactError as error:
        raise ArtifactError(
            error.message, hint="`quweit train CONFIG --out DIR` writes one to DIR/train/ckpt.pt"
        ) from None


def _data(path: Path | None) -> dict[str, str]:
    """A file by its content; a folder by its tables, or by the pictures in it, where it has them by class."""
    if path is None or not path.is_dir():
        return {"data": digest_of_file(path)} if path is not None and path.is_file() else {}
    files = [path / name for name in PARTS if (path / name).is_file()]
    try:
        files = files or list(pictures_below(path))
    except Unreadable:  # of another kind, or refused when it is read
        return {}
    content = {file.relative_to(path).as_posix(): digest_of_file(file) for file in files}
    return {"data": digest_of(content)} if content else {}
