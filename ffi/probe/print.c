/* SPDX-License-Identifier: MIT */
#include "print.h"

#include <string.h>

/* Of ntdll.dll. */
int __cdecl _vsnprintf(char* text, size_t size, const char* format, va_list);

void print_list_into(char* text,
                     size_t size,
                     const char* format,
                     va_list arguments) {
  _vsnprintf(text, size, format, arguments);
  text[size - 1] = '\0';
}

void print_into(char* text, size_t size, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_list_into(text, size, format, arguments);
  va_end(arguments);
}

void print(HANDLE file, const char* format, ...) {
  static char text[2048];
  va_list arguments;
  DWORD written;
  va_start(arguments, format);
  print_list_into(text, sizeof text, format, arguments);
  va_end(arguments);
  WriteFile(file, text, (DWORD)strlen(text), &written, NULL);
}
