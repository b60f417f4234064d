/* SPDX-License-Identifier: MIT */
/* The program that uses the library, and the sockets that it opens itself. */
#ifndef MODEL_PROGRAM_H
#define MODEL_PROGRAM_H

void program_open(void);

#endif /* MODEL_PROGRAM_H */
