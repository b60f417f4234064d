/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#define UTF8__REPLACEMENT 0xFFFDu
#define UTF8__SURROGATE_FIRST 0xD800u
#define UTF8__SURROGATE_LOW 0xDC00u
#define UTF8__SURROGATE_LAST 0xDFFFu
#define UTF8__PLANE 0x10000u
#define UTF8__LAST 0x10FFFFu

/* Bytes of the character that begins with `lead`, or 0. */
static uint32_t utf8__size(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

/* Reads the character at `text`, of `size` bytes. Returns 0, which is no
 * character of a name, when the bytes are not valid (RFC 3629). */
static uint32_t utf8__read(const uint8_t* text, uint32_t size) {
  static const uint32_t least[] = {0, 1, 0x80, 0x800, UTF8__PLANE};
  uint32_t character = size == 1 ? text[0] : text[0] & (0x7Fu >> size);
  for (uint32_t i = 1; i < size; i++) {
    if ((text[i] & 0xC0) != 0x80) return 0;
    character = character << 6 | (text[i] & 0x3Fu);
  }
  if (character < least[size] || character > UTF8__LAST ||
      (character >= UTF8__SURROGATE_FIRST && character <= UTF8__SURROGATE_LAST))
    return 0;
  return character;
}

int32_t utf8_to_wide(const uint8_t* text,
                     uint32_t length,
                     WCHAR* wide_out,
                     uint32_t capacity) {
  uint32_t count = 0;
  for (uint32_t at = 0; at < length;) {
    uint32_t size = utf8__size(text[at]);
    if (size == 0 || size > length - at) return -1;
    uint32_t character = utf8__read(text + at, size);
    if (character == 0) return -1;
    uint32_t units = character < UTF8__PLANE ? 1 : 2;
    if (count + units <= capacity) {
      uint32_t rest = character - UTF8__PLANE;
      wide_out[count] =
          (WCHAR)(units == 1 ? character
                             : UTF8__SURROGATE_FIRST + (rest >> 10));
      if (units == 2)
        wide_out[count + 1] = (WCHAR)(UTF8__SURROGATE_LOW + (rest & 0x3FFu));
    }
    count += units;
    at += size;
  }
  return (int32_t)count;
}

/* Reads the character at `wide`; returns its units. */
static uint32_t utf8__read_wide(const WCHAR* wide,
                                uint32_t left,
                                uint32_t* character_out) {
  uint32_t first = wide[0];
  *character_out = first;
  if (first < UTF8__SURROGATE_FIRST || first > UTF8__SURROGATE_LAST) return 1;
  *character_out = UTF8__REPLACEMENT;
  if (first >= UTF8__SURROGATE_LOW || left < 2) return 1;
  uint32_t second = wide[1];
  if (second < UTF8__SURROGATE_LOW || second > UTF8__SURROGATE_LAST) return 1;
  *character_out = UTF8__PLANE + ((first & 0x3FFu) << 10 | (second & 0x3FFu));
  return 2;
}

static void utf8__write(uint32_t character, uint32_t size, uint8_t* text) {
  static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (uint32_t i = size; i > 1; i--) {
    text[i - 1] = (uint8_t)(0x80 | (character & 0x3F));
    character >>= 6;
  }
  text[0] = (uint8_t)(leads[size] | character);
}

uint32_t utf8_from_wide(const WCHAR* wide, uint32_t length, uint8_t* text_out) {
  uint32_t count = 0;
  for (uint32_t at = 0; at < length;) {
    uint32_t character;
    at += utf8__read_wide(wide + at, length - at, &character);
    uint32_t size = character < 0x80          ? 1
                    : character < 0x800       ? 2
                    : character < UTF8__PLANE ? 3
                                              : 4;
    utf8__write(character, size, text_out + count);
    count += size;
  }
  return count;
}
