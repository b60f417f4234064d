/* SPDX-License-Identifier: MIT */
/*
 * The functions of the library, each with a check of its result by contract.h:
 * the user of the simulation calls them by their own names. iocp_abi() and
 * iocp_native_error() are not among them.
 */
#ifndef IOCP_CHECKED_H
#define IOCP_CHECKED_H

#include "iocp.h"

int32_t checked_new(uint32_t realm);
int32_t checked_delete(int32_t port);
int32_t checked_poll(int32_t port,
                     void* events,
                     uint32_t capacity,
                     void* slab,
                     uint32_t offset,
                     uint32_t length);
int32_t checked_wait(int32_t port, int32_t timeout_ms);
int32_t checked_wait_here(int32_t port, uint32_t timeout_us);
int32_t checked_wake(int32_t port);
int32_t checked_group_new(int32_t port);
int32_t checked_group_close(int32_t port, uint32_t group);
int32_t checked_group_stats(int32_t port, uint32_t group, void* stats);
int32_t checked_stats(int32_t port, void* stats);
int32_t checked_resolve(const void* name,
                        uint32_t length,
                        void* addresses,
                        uint32_t capacity);
int32_t checked_listen(int32_t port,
                       const void* address,
                       uint32_t backlog,
                       uint32_t flags);
int32_t checked_listen_path(int32_t port,
                            const void* path,
                            uint32_t backlog,
                            uint32_t flags,
                            uint32_t mode,
                            const void* access,
                            uint32_t access_length);
int32_t checked_add_listener(int32_t port, double os_socket, uint32_t flags);
int32_t checked_accept(int32_t port, int32_t listener, uint32_t count);
int32_t checked_stop(int32_t port, int32_t listener);
int32_t checked_share(int32_t port, int32_t listener, int32_t share);
int32_t checked_take_part(int32_t port, int32_t share);
int32_t checked_add_socket(int32_t port, double os_socket, uint32_t flags);
int32_t checked_connect(int32_t port, const void* remote, const void* local);
int32_t checked_receive(int32_t port, int32_t socket, uint32_t bytes);
int32_t checked_read(int32_t port,
                     int32_t socket,
                     void* buffer,
                     uint32_t offset,
                     uint32_t length);
int32_t checked_send(int32_t port,
                     int32_t socket,
                     const void* buffer,
                     uint32_t offset,
                     uint32_t length);
int32_t checked_broadcast(int32_t port,
                          const void* sockets,
                          void* results,
                          uint32_t count,
                          const void* buffer,
                          uint32_t offset,
                          uint32_t length);
int32_t checked_progress(int32_t port, int32_t socket);
int32_t checked_shutdown(int32_t port, int32_t socket);
int32_t checked_close(int32_t port,
                      int32_t socket,
                      uint32_t mode,
                      uint32_t timeout_ms);
int32_t checked_open_file(int32_t port,
                          const void* path,
                          uint32_t length,
                          void* size);
int32_t checked_send_file(
    int32_t port, int32_t socket, int32_t file, double offset, uint32_t length);
int32_t checked_close_file(int32_t port, int32_t file);
int32_t checked_get_address(int32_t port,
                            int32_t socket,
                            uint32_t end,
                            void* address,
                            uint32_t capacity);
int32_t checked_get_peer(int32_t port, int32_t socket, void* peer);
int32_t checked_set_option(int32_t port,
                           int32_t socket,
                           uint32_t option,
                           int32_t value);
int32_t checked_get_option(int32_t port, int32_t socket, uint32_t option);
int32_t checked_socket_stats(int32_t port, int32_t socket, void* stats);
int32_t checked_tcp_info(int32_t port, int32_t socket, void* info);
int32_t checked_bind(int32_t port,
                     const void* address,
                     uint32_t flags,
                     uint32_t mode);
int32_t checked_receive_from(int32_t port,
                             int32_t socket,
                             void* buffer,
                             uint32_t offset,
                             uint32_t length,
                             void* datagram);
int32_t checked_send_to(int32_t port,
                        int32_t socket,
                        const void* buffer,
                        uint32_t offset,
                        uint32_t length,
                        const void* address);
int32_t checked_send_many(int32_t port,
                          int32_t socket,
                          const void* datagrams,
                          uint32_t length,
                          uint32_t count);
int32_t checked_connect_datagram(int32_t port,
                                 int32_t socket,
                                 const void* address);
int32_t checked_membership(int32_t port,
                           int32_t socket,
                           const void* group,
                           const void* source,
                           uint32_t interface_index,
                           uint32_t joins);
int32_t checked_interface_index(int32_t port, const void* address);
int32_t checked_inbox(int32_t port, void* address, uint32_t capacity);
int32_t checked_pass(int32_t port,
                     int32_t socket,
                     double os_socket,
                     const void* address,
                     uint32_t length,
                     void* ticket,
                     uint32_t capacity);
int32_t checked_take(int32_t port, const void* ticket, uint32_t length);
int32_t checked_drop(int32_t port, double os_socket);

/* For files whose calls are on other threads, and for those that make these
 * calls. */
#if !defined(CHECKED_NONE)
#define iocp_new(...) checked_new(__VA_ARGS__)
#define iocp_delete(...) checked_delete(__VA_ARGS__)
#define iocp_poll(...) checked_poll(__VA_ARGS__)
#define iocp_wait(...) checked_wait(__VA_ARGS__)
#define iocp_wait_here(...) checked_wait_here(__VA_ARGS__)
#define iocp_wake(...) checked_wake(__VA_ARGS__)
#define iocp_group_new(...) checked_group_new(__VA_ARGS__)
#define iocp_group_close(...) checked_group_close(__VA_ARGS__)
#define iocp_group_stats(...) checked_group_stats(__VA_ARGS__)
#define iocp_stats(...) checked_stats(__VA_ARGS__)
#define iocp_resolve(...) checked_resolve(__VA_ARGS__)
#define iocp_listen(...) checked_listen(__VA_ARGS__)
#define iocp_listen_path(...) checked_listen_path(__VA_ARGS__)
#define iocp_add_listener(...) checked_add_listener(__VA_ARGS__)
#define iocp_accept(...) checked_accept(__VA_ARGS__)
#define iocp_stop(...) checked_stop(__VA_ARGS__)
#define iocp_share(...) checked_share(__VA_ARGS__)
#define iocp_take_part(...) checked_take_part(__VA_ARGS__)
#define iocp_add_socket(...) checked_add_socket(__VA_ARGS__)
#define iocp_connect(...) checked_connect(__VA_ARGS__)
#define iocp_receive(...) checked_receive(__VA_ARGS__)
#define iocp_read(...) checked_read(__VA_ARGS__)
#define iocp_send(...) checked_send(__VA_ARGS__)
#define iocp_broadcast(...) checked_broadcast(__VA_ARGS__)
#define iocp_progress(...) checked_progress(__VA_ARGS__)
#define iocp_shutdown(...) checked_shutdown(__VA_ARGS__)
#define iocp_close(...) checked_close(__VA_ARGS__)
#define iocp_open_file(...) checked_open_file(__VA_ARGS__)
#define iocp_send_file(...) checked_send_file(__VA_ARGS__)
#define iocp_close_file(...) checked_close_file(__VA_ARGS__)
#define iocp_get_address(...) checked_get_address(__VA_ARGS__)
#define iocp_get_peer(...) checked_get_peer(__VA_ARGS__)
#define iocp_set_option(...) checked_set_option(__VA_ARGS__)
#define iocp_get_option(...) checked_get_option(__VA_ARGS__)
#define iocp_socket_stats(...) checked_socket_stats(__VA_ARGS__)
#define iocp_tcp_info(...) checked_tcp_info(__VA_ARGS__)
#define iocp_bind(...) checked_bind(__VA_ARGS__)
#define iocp_receive_from(...) checked_receive_from(__VA_ARGS__)
#define iocp_send_to(...) checked_send_to(__VA_ARGS__)
#define iocp_send_many(...) checked_send_many(__VA_ARGS__)
#define iocp_connect_datagram(...) checked_connect_datagram(__VA_ARGS__)
#define iocp_membership(...) checked_membership(__VA_ARGS__)
#define iocp_interface_index(...) checked_interface_index(__VA_ARGS__)
#define iocp_inbox(...) checked_inbox(__VA_ARGS__)
#define iocp_pass(...) checked_pass(__VA_ARGS__)
#define iocp_take(...) checked_take(__VA_ARGS__)
#define iocp_drop(...) checked_drop(__VA_ARGS__)
#endif

#endif /* IOCP_CHECKED_H */
