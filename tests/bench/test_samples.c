/* SPDX-License-Identifier: MIT */
/* Quantiles are those of the sorted values, also after the list has grown. */
#include "../../bench/load/samples.h"

#define COUNT 3000001

int main(void) {
  struct samples samples = {0};
  if (samples_quantile_us(&samples, 0.5) != 0) fail("not 0 without values");
  /* Every value below COUNT once, not in order. */
  for (uint64_t i = 0; i < COUNT; i++)
    samples_add(&samples, i * 7919 % COUNT * 1000);
  if (samples_quantile_us(&samples, 0.5) != COUNT / 2) fail("not the median");
  if (samples_quantile_us(&samples, 0.99) != 2970000) fail("not the p99");
  if (samples_quantile_us(&samples, 0) != 0) fail("not the least");
  return 0;
}
