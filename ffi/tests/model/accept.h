/* SPDX-License-Identifier: MIT */
/* AcceptEx(): posted accepts, and the connections that they get. */
#ifndef MODEL_ACCEPT_H
#define MODEL_ACCEPT_H

#include <stdbool.h>

struct op;
struct sock;

/* Passes connections of the backlog to the posted accepts. */
void accept_serve(struct sock* listener);

/* True if a posted accept has no connection yet. */
bool accept_waits(const struct sock* listener);

/* Bytes or the end have arrived at a target whose accept waits for data. */
void accept_moved(struct sock* target);

/* Ends the accept without a connection. */
void accept_canceled(struct op* op);

/* The target was closed, which ends the accept. */
void accept_target_closed(struct sock* target);

#endif /* MODEL_ACCEPT_H */
