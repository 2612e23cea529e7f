#ifndef TRIOLET_CHECKSUM_H
#define TRIOLET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli) of `count` bytes, continuing from `crc` (0 to begin).
/// Uses the processor's instruction where there is one. Source: RFC 3720, appendix B.4.
uint32_t triolet_crc32c(uint32_t crc, const uint8_t *bytes, size_t count);

/// The same without the instruction: for tests, and for processors that lack it.
uint32_t triolet_crc32c_table(uint32_t crc, const uint8_t *bytes, size_t count);

#endif
