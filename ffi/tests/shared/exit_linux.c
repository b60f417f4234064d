/* SPDX-License-Identifier: MIT */
#include "exit.h"

#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

int32_t exit_code_of(const char* argument) {
  int status;
  pid_t process = fork();
  check(process >= 0);
  if (process == 0) {
    execl("/proc/self/exe", "child", argument, (char*)NULL);
    _exit(127);
  }
  check_is(waitpid(process, &status, 0), process);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void exit_hold_pool(void) {}
void exit_await_held(void) {}
