/* SPDX-License-Identifier: MIT */
/* The program that uses the library, and the sockets that it opens itself. */
#ifndef MODEL_PROGRAM_H
#define MODEL_PROGRAM_H

/* The id of its process. */
#define PROGRAM_ID 4242u

void program_open(void);

#endif /* MODEL_PROGRAM_H */
