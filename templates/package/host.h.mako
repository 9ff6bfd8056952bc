<%page args="name, hosts, dump, version"/>\
/* Wrappers of ${name}, as quweit_stream.h packs for them. Rendered by quweit ${version} from dump ${dump.digest[:16]}: do not edit. */
<% guard = f"{name.upper()}_HOST_H" %>\
#ifndef ${guard}
#define ${guard}

#include "quweit_stream.h"
% for host in hosts:
<% top, bits = host.design.top, host.design.output_bits %>
/* ${host.design.axis.top}: row_bytes and answer_bytes are those of a row in and out, in whole beats. */
%   for key, value in host.sizes.items():
#define ${f"{top}_{key}".upper()} ${int(value) if isinstance(value, bool) else value}
%   endfor

%   if host.kind == "Requests":
/* A request: `count` x ${top.upper()}_INPUT_BYTES bytes. */
static inline void ${top}_pack(uint8_t *stream, const uint32_t *tokens, size_t count, int goes_on)
{
  quweit_pack_request(stream, tokens, count, goes_on, ${top.upper()}_INPUT_BYTES);
}

/* Logits of an answer; 0 where the request was refused, and nothing is written. */
static inline int ${top}_unpack(int32_t *logits, const uint8_t *stream)
{
  if (quweit_refused(stream))
    return 0;
  quweit_unpack32(logits, stream, 1, ${top.upper()}_OUTPUTS, ${top.upper()}_ANSWER_BYTES);
  return 1;
}
%   else:
/* `count` x ${top.upper()}_ROW_BYTES bytes for s_axis. */
static inline void ${top}_pack(uint8_t *stream, const int8_t *rows, size_t count)
{
  quweit_pack8(stream, rows, count, ${top.upper()}_INPUTS, ${top.upper()}_ROW_BYTES);
}

/* Rows of `count` x ${top.upper()}_ANSWER_BYTES bytes from m_axis. */
static inline void ${top}_unpack(int${bits}_t *rows, const uint8_t *stream, size_t count)
{
  quweit_unpack${bits}(rows, stream, count, ${top.upper()}_OUTPUTS, ${top.upper()}_ANSWER_BYTES);
}
%   endif
% endfor

#endif
