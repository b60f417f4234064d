/* SPDX-License-Identifier: MIT */
/*
 * Assertions of the library about itself. A debug build traps where one fails:
 * it has no C runtime to print with, and a debugger shows the place.
 */
#ifndef IOCP_DEBUG_H
#define IOCP_DEBUG_H

#if defined(NDEBUG)
#define debug_check(expression) ((void)0)
#else
#define debug_check(expression) ((expression) ? (void)0 : __builtin_trap())
#endif

#endif /* IOCP_DEBUG_H */
