/* SPDX-License-Identifier: MIT */
/* The kinds of load, each in a file of its name. */
#ifndef KINDS_H
#define KINDS_H

void load_echo(void);
void load_rate(void);
void load_upload(void);
void load_download(void);
void load_churn(void);
void load_idle(void);
void load_broadcast(void);
void load_http(void);
void load_startup(void);

#endif /* KINDS_H */
