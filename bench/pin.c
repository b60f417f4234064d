/* SPDX-License-Identifier: MIT */
/*
 * pin CORE PRIORITY PROGRAM ARGUMENTS: runs a program on one core, threads and
 * all, and with as many descriptors as it may have. A priority above 0 is one
 * of SCHED_RR: programs without one have to wait. It becomes the program, so
 * its process number is that of the program.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: pin CORE PRIORITY PROGRAM ARGUMENTS\n");
    return 2;
  }
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET((size_t)atoi(argv[1]), &cores);
  if (sched_setaffinity(0, sizeof cores, &cores) != 0) {
    perror("pin: sched_setaffinity");
    return 1;
  }
  struct sched_param priority = {.sched_priority = atoi(argv[2])};
  if (priority.sched_priority > 0 &&
      sched_setscheduler(0, SCHED_RR, &priority) != 0) {
    perror("pin: sched_setscheduler");
    return 1;
  }
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  /* A bench that is killed must not leave its programs running. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execv(argv[3], argv + 3);
  perror(argv[3]);
  return 1;
}
