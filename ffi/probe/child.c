/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <string.h>

#include "number.h"
#include "print.h"

#define CHILD__PATH 1024
/* Room for its two lines; the buffer of a pipe holds them without a reader. */
#define CHILD__OUTPUT (2 * ANSWER_SIZE)
/* Exit codes from here on are exceptions. */
#define CHILD__IS_EXCEPTION 0x80000000u
#define CHILD__HUNG 4

/* ---- the child */

static LONG WINAPI child__crashed(EXCEPTION_POINTERS* exception) {
  /* Ends at once, without a dialog or a debugger. */
  TerminateProcess(GetCurrentProcess(),
                   exception->ExceptionRecord->ExceptionCode);
  return EXCEPTION_EXECUTE_HANDLER;
}

void child_main(const struct experiment* experiment) {
  SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
  SetUnhandledExceptionFilter(child__crashed);
  experiment->run();
  answer_print(GetStdHandle(STD_OUTPUT_HANDLE));
  /* Pending operations and running threads end with the process. */
  TerminateProcess(GetCurrentProcess(), ANSWER_GIVEN);
}

/* ---- its parent */

static void child__command(const char* name, WCHAR* command) {
  static const WCHAR run[] = L" --run ";
  DWORD length = 0;
  command[length++] = L'"';
  length += GetModuleFileNameW(NULL, command + length, CHILD__PATH);
  command[length++] = L'"';
  for (size_t i = 0; run[i] != L'\0'; i++) command[length++] = run[i];
  for (; *name != '\0'; name++) command[length++] = (WCHAR)(BYTE)*name;
  command[length] = L'\0';
}

/* Its standard output is `output`, which it inherits. */
static DWORD child__start(const char* name,
                          HANDLE output,
                          PROCESS_INFORMATION* process) {
  static WCHAR command[CHILD__PATH + 128];
  STARTUPINFOW startup;
  memset(&startup, 0, sizeof startup);
  startup.cb = sizeof startup;
  startup.dwFlags = STARTF_USESTDHANDLES;
  startup.hStdOutput = output;
  startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
  child__command(name, command);
  if (CreateProcessW(NULL,
                     command,
                     NULL,
                     NULL,
                     TRUE,
                     CREATE_NO_WINDOW,
                     NULL,
                     NULL,
                     &startup,
                     process))
    return 0;
  return GetLastError();
}

/* Copies the first line of `text` to `line`; returns what follows it. */
static const char* child__line(const char* text, char* line) {
  size_t length = 0;
  for (; *text != '\0' && *text != '\n'; text++)
    if (length + 1 < ANSWER_SIZE) line[length++] = *text;
  line[length] = '\0';
  return *text == '\n' ? text + 1 : text;
}

static void child__read(HANDLE pipe, struct result* result) {
  char text[CHILD__OUTPUT + 1];
  DWORD length = 0;
  DWORD count = 0;
  while (length < CHILD__OUTPUT &&
         ReadFile(pipe, text + length, CHILD__OUTPUT - length, &count, NULL) &&
         count != 0)
    length += count;
  text[length] = '\0';
  child__line(child__line(text, result->answer), result->detail);
}

static void child__judge(DWORD code, DWORD limit_ms, struct result* result) {
  result->end = code == ANSWER_GIVEN ? CHILD_ANSWERED : CHILD_NOT_ASKED;
  if (code == CHILD__HUNG) {
    result->end = CHILD_HUNG;
    print_into(result->answer,
               sizeof result->answer,
               "it did not end in %lu s",
               limit_ms / 1000);
  } else if (code >= CHILD__IS_EXCEPTION) {
    result->end = CHILD_CRASHED;
    print_into(
        result->answer, sizeof result->answer, "it crashed: 0x%08lX", code);
  } else if (code == ANSWER_GIVEN && result->answer[0] == '\0') {
    result->end = CHILD_NOT_ASKED;
    print_into(result->answer, sizeof result->answer, "it gave no answer");
  }
}

DWORD child_start(struct child* child, const struct experiment* experiment) {
  SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
  PROCESS_INFORMATION process;
  HANDLE write_end;
  if (!CreatePipe(&child->output, &write_end, &inherited, 0))
    return GetLastError();
  SetHandleInformation(child->output, HANDLE_FLAG_INHERIT, 0);
  child->start_ms = GetTickCount64();
  DWORD error = child__start(experiment->name, write_end, &process);
  /* Before the next child is started, as it would inherit the handle. */
  CloseHandle(write_end);
  if (error != 0) {
    CloseHandle(child->output);
    return error;
  }
  CloseHandle(process.hThread);
  child->process = process.hProcess;
  return 0;
}

bool child_has_ended(struct child* child,
                     DWORD limit_ms,
                     struct result* result_out) {
  DWORD code = 0;
  ULONGLONG took_ms = GetTickCount64() - child->start_ms;
  if (WaitForSingleObject(child->process, 0) == WAIT_TIMEOUT) {
    if (took_ms < limit_ms) return false;
    TerminateProcess(child->process, CHILD__HUNG);
    WaitForSingleObject(child->process, INFINITE);
  }
  memset(result_out, 0, sizeof *result_out);
  result_out->took_ms = (DWORD)took_ms;
  GetExitCodeProcess(child->process, &code);
  child__read(child->output, result_out);
  child__judge(code, limit_ms, result_out);
  CloseHandle(child->process);
  CloseHandle(child->output);
  return true;
}
