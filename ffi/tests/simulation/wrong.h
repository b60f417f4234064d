/* SPDX-License-Identifier: MIT */
/* Calls with wrong arguments: for each parameter of each function the values
 * that it must not have, together with good ones. Those that are not wrong are
 * not made. */
#ifndef IOCP_WRONG_H
#define IOCP_WRONG_H

#include <stdint.h>

void wrong_calls(uint32_t count);

#endif /* IOCP_WRONG_H */
