/* SPDX-License-Identifier: MIT */
/* Text between UTF-8, which the API uses, and UTF-16, which Windows uses. */
#ifndef IOCP_WINDOWS_UTF8_H
#define IOCP_WINDOWS_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "platform.h"

/* Writes at most `capacity` units and no terminator. Returns the number of
 * units that the whole text needs, or -1 when it is not valid UTF-8 or has a
 * zero character, at which the system would stop. */
int32_t utf8_to_wide(const uint8_t* text,
                     uint32_t length,
                     WCHAR* wide_out,
                     uint32_t capacity);

/* The most bytes that a unit becomes. */
#define UTF8_PER_UNIT 3

/* The other direction. Returns the number of bytes. A lone surrogate, which
 * Windows permits in names, becomes U+FFFD. */
uint32_t utf8_from_wide(const WCHAR* wide, uint32_t length, uint8_t* text_out);

#endif /* IOCP_WINDOWS_UTF8_H */
