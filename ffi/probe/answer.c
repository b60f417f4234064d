/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include "number.h"
#include "print.h"

static char answer__text[ANSWER_SIZE];
static char answer__detail[ANSWER_SIZE];

void answer(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_list_into(answer__text, sizeof answer__text, format, arguments);
  va_end(arguments);
}

void answer_detail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_list_into(answer__detail, sizeof answer__detail, format, arguments);
  va_end(arguments);
}

void answer_print(HANDLE file) {
  print(file, "%s\n%s\n", answer__text, answer__detail);
}

void answer_need(bool is_done, const char* step) {
  DWORD error = GetLastError();
  if (is_done) return;
  answer("%s failed", step);
  answer_detail("%s", number_error(error));
  answer_print(GetStdHandle(STD_OUTPUT_HANDLE));
  TerminateProcess(GetCurrentProcess(), ANSWER_NOT_ASKED);
}
