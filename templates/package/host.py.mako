<%page args="name, hosts, dump, version"/>\
"""Wrappers of ${name}, as quweit_stream.py packs for them. Rendered by quweit ${version} from dump ${dump.digest[:16]}: do not edit."""

import quweit_stream
% for host in hosts:

${host.design.top} = quweit_stream.${host.kind}(
    name="${host.design.axis.top}",
%   for key, value in host.sizes.items():
    ${key}=${repr(value)},
%   endfor
)
% endfor
