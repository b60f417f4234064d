/* SPDX-License-Identifier: MIT */
/* Datagram sockets: not implemented yet. What is missing: WSARecvFrom() posted
 * several at a time, sendto() and WSASendTo(), the options and the groups. */
#include "engine.h"

int32_t engine_bind(struct socket* socket,
                    const struct iocp_address* address,
                    uint32_t flags) {
  (void)address, (void)flags;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

/* Winsock has no AF_UNIX sockets of the type SOCK_DGRAM. */
int32_t engine_bind_path(struct socket* socket,
                         const struct path_access* access) {
  (void)access;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_connect_datagram(struct socket* socket,
                                const struct iocp_datagram* to,
                                const void* path) {
  (void)to, (void)path;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

void engine_arm_datagrams(struct socket* socket) { (void)socket; }

int32_t engine_receive_datagrams(struct socket* socket,
                                 struct datagram_room* room) {
  (void)room;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_receive_from(struct socket* socket,
                            void* buffer,
                            uint32_t length,
                            struct iocp_datagram* header_out,
                            uint8_t* path_out) {
  (void)buffer, (void)length, (void)header_out, (void)path_out;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_send_to(struct socket* socket,
                       const struct iocp_datagram* header,
                       const void* path,
                       const void* data) {
  (void)header, (void)path, (void)data;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_send_datagrams(struct socket* socket,
                              struct datagram_sending* sending) {
  (void)sending;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_membership(struct socket* socket,
                          const struct iocp_address* group,
                          const struct iocp_address* source,
                          uint32_t interface_index,
                          bool joins) {
  (void)group, (void)source, (void)interface_index, (void)joins;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_interface_index(struct port* port,
                               const struct iocp_address* address) {
  (void)address;
  return port_fail(port, -IOCP_ENOTSUP, 0);
}
