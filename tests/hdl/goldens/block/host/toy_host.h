/* Wrappers of toy, as quweit_stream.h packs for them. Rendered by quweit 0.1.0 from dump f775eaf8b8ed5ae9: do not edit. */
#ifndef TOY_HOST_H
#define TOY_HOST_H

#include "quweit_stream.h"

/* toy_block0_axis: row_bytes and answer_bytes are those of a row in and out, in whole beats. */
#define TOY_BLOCK0_INPUTS 3
#define TOY_BLOCK0_INPUT_BYTES 1
#define TOY_BLOCK0_ROW_BYTES 3
#define TOY_BLOCK0_OUTPUTS 3
#define TOY_BLOCK0_OUTPUT_BYTES 2
#define TOY_BLOCK0_ANSWER_BYTES 6
#define TOY_BLOCK0_ROWS_OF_SAMPLE 1
#define TOY_BLOCK0_INPUT_STEP 0.03125
#define TOY_BLOCK0_OUTPUT_STEP 0.01
#define TOY_BLOCK0_NORMALISED 1

/* `count` x TOY_BLOCK0_ROW_BYTES bytes for s_axis. */
static inline void toy_block0_pack(uint8_t *stream, const int8_t *rows, size_t count)
{
  quweit_pack8(stream, rows, count, TOY_BLOCK0_INPUTS, TOY_BLOCK0_ROW_BYTES);
}

/* Rows of `count` x TOY_BLOCK0_ANSWER_BYTES bytes from m_axis. */
static inline void toy_block0_unpack(int16_t *rows, const uint8_t *stream, size_t count)
{
  quweit_unpack16(rows, stream, count, TOY_BLOCK0_OUTPUTS, TOY_BLOCK0_ANSWER_BYTES);
}

#endif
