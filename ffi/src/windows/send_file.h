/* SPDX-License-Identifier: MIT */
/* TransmitFile(). */
#ifndef IOCP_WINDOWS_SEND_FILE_H
#define IOCP_WINDOWS_SEND_FILE_H

#include "send_copy.h"

/* Posts a copy of a file, whose operation is prepared. Returns as
 * TransmitFile() does. Nothing else may be in flight or be posted until it has
 * completed: the order of a transmission and other sends is not documented. */
bool send_file_post(struct send_copy* copy);

#endif /* IOCP_WINDOWS_SEND_FILE_H */
