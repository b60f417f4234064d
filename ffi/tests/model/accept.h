/* SPDX-License-Identifier: MIT */
/* AcceptEx(): posted accepts, and the connections that they are given. */
#ifndef MODEL_ACCEPT_H
#define MODEL_ACCEPT_H

#include <stdbool.h>

struct op;
struct sock;

/* Gives connections of the backlog to the accepts that are posted. */
void accept_serve(struct sock* listener);

/* True when an accept is posted that has no connection. */
bool accept_waits(const struct sock* listener);

/* Something has arrived at a target whose accept waits for data. */
void accept_moved(struct sock* target);

/* The accept ends without a connection. */
void accept_canceled(struct op* op);

/* The target was closed, which ends the accept. */
void accept_target_closed(struct sock* target);

#endif /* MODEL_ACCEPT_H */
