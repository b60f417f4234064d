/* SPDX-License-Identifier: MIT */
/* Questions whose answer is known on every system: they show that the probe
 * notices a difference, a hang, a crash and a failed step. */
#include "answer.h"
#include "experiment.h"
#include "loopback.h"

static void control__byte(void) {
  struct pair pair;
  char byte = 0;
  pair_open(&pair);
  NEED(send(pair.far_end, "x", 1, 0) == 1);
  NEED(recv(pair.near_end, &byte, 1, 0) == 1);
  answer(byte == 'x' ? "it arrives" : "another arrives");
}

static void control__hang(void) {
  for (;;) Sleep(INFINITE);
}

static void control__crash(void) { *(volatile char*)NULL = 0; }

static void control__step(void) { NEED(listen(INVALID_SOCKET, 1) == 0); }

static void control__silent(void) {}

const struct experiment theme_control[] = {
    {"control-same",
     "One byte is sent",
     "it arrives",
     "it arrives",
     "every system",
     control__byte},
    {"control-other-answer",
     "The same, and the model has several answers",
     "it is lost or it arrives",
     "it arrives",
     "every system",
     control__byte},
    {"control-different",
     "The same with a wrong model",
     "it is lost or it arrives twice",
     "it arrives",
     "every system",
     control__byte},
    {"control-wrong-system",
     "The same on a wrong system",
     "it is lost or it arrives twice",
     "it arrives twice",
     "every system",
     control__byte},
    {"control-undocumented",
     "The same without documentation",
     "it is lost",
     NULL,
     "every system",
     control__byte},
    {"control-hang",
     "An experiment that does not end",
     "it arrives",
     NULL,
     "every system",
     control__hang},
    {"control-crash",
     "An experiment that crashes",
     "it arrives",
     NULL,
     "every system",
     control__crash},
    {"control-step",
     "A step before the question fails",
     "it arrives",
     NULL,
     "every system",
     control__step},
    {"control-silent",
     "An experiment without an answer",
     "it arrives",
     NULL,
     "every system",
     control__silent},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
