/* Integers of a design as bytes of its AXI-Stream wrapper, and back: C99, this header alone, nothing allocated.
 *
 * The same in every package; sizes are in the header beside it, <package>_host.h. Integers are two's complement, low byte
 * first, whatever the order of bytes of the host; zeros fill the last beat of a row.
 */
#ifndef QUWEIT_STREAM_H
#define QUWEIT_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* `count` rows of `numbers` integers of 8 bits as `count` x `row_bytes` bytes. */
static inline void quweit_pack8(uint8_t *stream, const int8_t *rows, size_t count, size_t numbers, size_t row_bytes)
{
  for (size_t row = 0; row < count; row++)
    for (size_t place = 0; place < row_bytes; place++)
      stream[row * row_bytes + place] = place < numbers ? (uint8_t)rows[row * numbers + place] : 0;
}

/* The integer of 1 ... 4 bytes that begins here. */
static inline int32_t quweit_number(const uint8_t *bytes, size_t count)
{
  int64_t value = 0;
  for (size_t place = 0; place < count; place++)
    value |= (int64_t)bytes[place] << 8 * place;
  return (int32_t)(value >> (8 * count - 1) ? value - ((int64_t)1 << 8 * count) : value);
}

/* `count` x `answer_bytes` bytes as `count` rows of `numbers` integers of 16 bits. */
static inline void quweit_unpack16(int16_t *rows, const uint8_t *stream, size_t count, size_t numbers, size_t answer_bytes)
{
  for (size_t row = 0; row < count; row++)
    for (size_t place = 0; place < numbers; place++)
      rows[row * numbers + place] = (int16_t)quweit_number(stream + row * answer_bytes + 2 * place, 2);
}

/* The same of 32 bits. */
static inline void quweit_unpack32(int32_t *rows, const uint8_t *stream, size_t count, size_t numbers, size_t answer_bytes)
{
  for (size_t row = 0; row < count; row++)
    for (size_t place = 0; place < numbers; place++)
      rows[row * numbers + place] = quweit_number(stream + row * answer_bytes + 4 * place, 4);
}

/* Pixels of 8 bits as the integers that a model of images reads. */
static inline void quweit_codes(int8_t *codes, const uint8_t *pixels, size_t count)
{
  for (size_t place = 0; place < count; place++)
    codes[place] = (int8_t)(pixels[place] - 128);
}

/* A request of `count` tokens as `count` words of `word_bytes` bytes; `goes_on` is 1 where it goes on from what is cached. */
static inline void quweit_pack_request(uint8_t *stream, const uint32_t *tokens, size_t count, int goes_on, size_t word_bytes)
{
  for (size_t token = 0; token < count; token++) {
    uint32_t word = tokens[token];
    if (goes_on && token == 0)
      word |= (uint32_t)1 << (8 * word_bytes - 1);
    for (size_t place = 0; place < word_bytes; place++)
      stream[token * word_bytes + place] = (uint8_t)(word >> 8 * place);
  }
}

/* Whether the answer to a request says that it was refused. */
static inline int quweit_refused(const uint8_t *stream)
{
  return quweit_number(stream, 4) == INT32_MIN;
}

#endif
