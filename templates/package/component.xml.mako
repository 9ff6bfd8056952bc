<%page args="design, streams, file_sets, parameters, version"/>\
<%
  axis = design.axis
  views = {
    "rtl": ("verilog:*Simulation:", "verilog:*Synthesis:"),
    "xilinx": ("verilog:vivado.xilinx.com:synthesis",),
  }
%>\
<?xml version="1.0" encoding="UTF-8"?>
<!-- ${axis.top} of a package of quweit. Names of files are relative to this folder; sources name memories as they lie in the package. -->
<ipxact:component
    xmlns:ipxact="http://www.accellera.org/XMLSchema/IPXACT/1685-2014"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.accellera.org/XMLSchema/IPXACT/1685-2014 http://www.accellera.org/XMLSchema/IPXACT/1685-2014/index.xsd">
  <ipxact:vendor>quweit</ipxact:vendor>
  <ipxact:library>block</ipxact:library>
  <ipxact:name>${axis.top}</ipxact:name>
  <ipxact:version>${version}</ipxact:version>
  <ipxact:busInterfaces>
% for stream in streams:
    <ipxact:busInterface>
      <ipxact:name>${stream.name}</ipxact:name>
      <ipxact:busType vendor="amba.com" library="AMBA4" name="AXI4Stream" version="r0p0_1"/>
      <ipxact:abstractionTypes>
        <ipxact:abstractionType>
          <ipxact:abstractionRef vendor="amba.com" library="AMBA4" name="AXI4Stream_rtl" version="r0p0_1"/>
          <ipxact:portMaps>
%   for port in stream.ports:
            <ipxact:portMap>
              <ipxact:logicalPort><ipxact:name>${port.logical}</ipxact:name></ipxact:logicalPort>
              <ipxact:physicalPort><ipxact:name>${port.name}</ipxact:name></ipxact:physicalPort>
            </ipxact:portMap>
%   endfor
          </ipxact:portMaps>
        </ipxact:abstractionType>
      </ipxact:abstractionTypes>
      <ipxact:${stream.role}/>
    </ipxact:busInterface>
% endfor
% for name, bus, logical, facts in (("aclk", "clock", "CLK", {"ASSOCIATED_BUSIF": "s_axis:m_axis", "ASSOCIATED_RESET": "aresetn"}), ("aresetn", "reset", "RST", {"POLARITY": "ACTIVE_LOW"})):
    <ipxact:busInterface>
      <ipxact:name>${name}</ipxact:name>
      <ipxact:busType vendor="xilinx.com" library="signal" name="${bus}" version="1.0"/>
      <ipxact:abstractionTypes>
        <ipxact:abstractionType>
          <ipxact:abstractionRef vendor="xilinx.com" library="signal" name="${bus}_rtl" version="1.0"/>
          <ipxact:portMaps>
            <ipxact:portMap>
              <ipxact:logicalPort><ipxact:name>${logical}</ipxact:name></ipxact:logicalPort>
              <ipxact:physicalPort><ipxact:name>${name}</ipxact:name></ipxact:physicalPort>
            </ipxact:portMap>
          </ipxact:portMaps>
        </ipxact:abstractionType>
      </ipxact:abstractionTypes>
      <ipxact:slave/>
      <ipxact:parameters>
%   for key, value in facts.items():
        <ipxact:parameter parameterId="${name}_${key}">
          <ipxact:name>${key}</ipxact:name>
          <ipxact:value>${value}</ipxact:value>
        </ipxact:parameter>
%   endfor
      </ipxact:parameters>
    </ipxact:busInterface>
% endfor
  </ipxact:busInterfaces>
  <ipxact:model>
    <ipxact:views>
% for one in file_sets:
%   if one.name in views:
      <ipxact:view>
        <ipxact:name>${one.name}</ipxact:name>
%     for environment in views[one.name]:
        <ipxact:envIdentifier>${environment}</ipxact:envIdentifier>
%     endfor
        <ipxact:componentInstantiationRef>${one.name}_module</ipxact:componentInstantiationRef>
      </ipxact:view>
%   endif
% endfor
    </ipxact:views>
    <ipxact:instantiations>
% for one in file_sets:
%   if one.name in views:
      <ipxact:componentInstantiation>
        <ipxact:name>${one.name}_module</ipxact:name>
        <ipxact:language>verilog</ipxact:language>
        <ipxact:moduleName>${axis.top}</ipxact:moduleName>
%     for needed in file_sets:
%       if needed.name in (one.name, "memories", "constraints"):
        <ipxact:fileSetRef><ipxact:localName>${needed.name}</ipxact:localName></ipxact:fileSetRef>
%       endif
%     endfor
      </ipxact:componentInstantiation>
%   endif
% endfor
    </ipxact:instantiations>
    <ipxact:ports>
% for name in ("aclk", "aresetn"):
      <ipxact:port>
        <ipxact:name>${name}</ipxact:name>
        <ipxact:wire><ipxact:direction>in</ipxact:direction></ipxact:wire>
      </ipxact:port>
% endfor
% for stream in streams:
%   for port in stream.ports:
      <ipxact:port>
        <ipxact:name>${port.name}</ipxact:name>
        <ipxact:wire>
          <ipxact:direction>${port.direction}</ipxact:direction>
%     if port.bits > 1:
          <ipxact:vectors>
            <ipxact:vector><ipxact:left>${port.bits - 1}</ipxact:left><ipxact:right>0</ipxact:right></ipxact:vector>
          </ipxact:vectors>
%     endif
        </ipxact:wire>
      </ipxact:port>
%   endfor
% endfor
    </ipxact:ports>
  </ipxact:model>
  <ipxact:fileSets>
% for one in file_sets:
    <ipxact:fileSet>
      <ipxact:name>${one.name}</ipxact:name>
%   for file in one.files:
      <ipxact:file>
        <ipxact:name>../${file}</ipxact:name>
        <ipxact:fileType>${one.kind(file)}</ipxact:fileType>
%     if file.endswith(".h"):
        <ipxact:isIncludeFile>true</ipxact:isIncludeFile>
%     endif
      </ipxact:file>
%   endfor
    </ipxact:fileSet>
% endfor
  </ipxact:fileSets>
  <ipxact:description>${"Weightless block" if design.kind == "block" else "Whole model"} ${design.top} with AXI-Stream ports: ${design.features} x int${design.input_bits} in, ${design.outputs} x int${design.output_bits} out</ipxact:description>
  <ipxact:parameters>
% for key, value in parameters.items():
    <ipxact:parameter parameterId="${key}" type="int">
      <ipxact:name>${key}</ipxact:name>
      <ipxact:value>${value}</ipxact:value>
    </ipxact:parameter>
% endfor
  </ipxact:parameters>
</ipxact:component>
