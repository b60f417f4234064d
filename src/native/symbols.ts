// Copyright the iocp authors. MIT license.
/**
 * The functions of the C API (`ffi/include/iocp.h`) as a table, which each
 * runtime translates for its own FFI.
 *
 * @module
 */

/** The type of a parameter or a result. `buffer` is a view of JavaScript
 * memory. */
export type NativeType = "i32" | "u32" | "f64" | "buffer";

/** One function of the library. */
export interface NativeSignature {
  readonly parameters: readonly NativeType[];
  readonly result: NativeType;
}

/** The value of `IOCP_ABI` that this module was written for. */
export const ABI = 7;

/** Every function that the module calls, with its C prototype. */
export const SYMBOLS = {
  /* uint32_t iocp_abi(void) */
  iocp_abi: { parameters: [], result: "u32" },
  /* int32_t iocp_new(uint32_t realm) */
  iocp_new: { parameters: ["u32"], result: "i32" },
  /* int32_t iocp_delete(int32_t port) */
  iocp_delete: { parameters: ["i32"], result: "i32" },
  /* int32_t iocp_poll(int32_t port, void* events, uint32_t capacity,
                       void* slab, uint32_t offset, uint32_t length) */
  iocp_poll: {
    parameters: ["i32", "buffer", "u32", "buffer", "u32", "u32"],
    result: "i32",
  },
  /* int32_t iocp_wait(int32_t port, int32_t timeout_ms) */
  iocp_wait: { parameters: ["i32", "i32"], result: "i32" },
  /* int32_t iocp_wait_here(int32_t port, uint32_t timeout_us) */
  iocp_wait_here: { parameters: ["i32", "u32"], result: "i32" },
  /* int32_t iocp_wake(int32_t port) */
  iocp_wake: { parameters: ["i32"], result: "i32" },
  /* int32_t iocp_native_error(int32_t port) */
  iocp_native_error: { parameters: ["i32"], result: "i32" },
  /* int32_t iocp_add_socket(int32_t port, double os_socket,
                             uint32_t flags) */
  iocp_add_socket: { parameters: ["i32", "f64", "u32"], result: "i32" },
  /* int32_t iocp_listen(int32_t port, const void* address, uint32_t backlog,
                         uint32_t flags) */
  iocp_listen: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  /* int32_t iocp_listen_path(int32_t port, const void* path, uint32_t backlog,
                              uint32_t flags, uint32_t mode,
                              const void* access, uint32_t access_length) */
  iocp_listen_path: {
    parameters: ["i32", "buffer", "u32", "u32", "u32", "buffer", "u32"],
    result: "i32",
  },
  /* int32_t iocp_add_listener(int32_t port, double os_socket,
                               uint32_t flags) */
  iocp_add_listener: { parameters: ["i32", "f64", "u32"], result: "i32" },
  /* int32_t iocp_stop(int32_t port, int32_t listener) */
  iocp_stop: { parameters: ["i32", "i32"], result: "i32" },
  /* int32_t iocp_inbox(int32_t port, void* address, uint32_t capacity) */
  iocp_inbox: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /* int32_t iocp_pass(int32_t port, int32_t socket, double os_socket,
                       const void* address, uint32_t length, void* ticket,
                       uint32_t capacity) */
  iocp_pass: {
    parameters: ["i32", "i32", "f64", "buffer", "u32", "buffer", "u32"],
    result: "i32",
  },
  /* int32_t iocp_take(int32_t port, const void* ticket, uint32_t length) */
  iocp_take: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /* int32_t iocp_drop(int32_t port, double os_socket) */
  iocp_drop: { parameters: ["i32", "f64"], result: "i32" },
  /* int32_t iocp_share(int32_t port, int32_t listener, int32_t share) */
  iocp_share: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /* int32_t iocp_take_part(int32_t port, int32_t share) */
  iocp_take_part: { parameters: ["i32", "i32"], result: "i32" },
  /* int32_t iocp_accept(int32_t port, int32_t listener, uint32_t count) */
  iocp_accept: { parameters: ["i32", "i32", "u32"], result: "i32" },
  /* int32_t iocp_connect(int32_t port, const void* remote,
                          const void* local) */
  iocp_connect: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /* int32_t iocp_receive(int32_t port, int32_t socket, uint32_t bytes) */
  iocp_receive: { parameters: ["i32", "i32", "u32"], result: "i32" },
  /* int32_t iocp_read(int32_t port, int32_t socket, void* buffer,
                       uint32_t offset, uint32_t length) */
  iocp_read: {
    parameters: ["i32", "i32", "buffer", "u32", "u32"],
    result: "i32",
  },
  /* int32_t iocp_send(int32_t port, int32_t socket, const void* buffer,
                       uint32_t offset, uint32_t length) */
  iocp_send: {
    parameters: ["i32", "i32", "buffer", "u32", "u32"],
    result: "i32",
  },
  /* int32_t iocp_broadcast(int32_t port, const void* sockets, void* results,
                            uint32_t count, const void* buffer,
                            uint32_t offset, uint32_t length) */
  iocp_broadcast: {
    parameters: ["i32", "buffer", "buffer", "u32", "buffer", "u32", "u32"],
    result: "i32",
  },
  /* int32_t iocp_open_file(int32_t port, const void* path, uint32_t length,
                            void* size) */
  iocp_open_file: {
    parameters: ["i32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  /* int32_t iocp_send_file(int32_t port, int32_t socket, int32_t file,
                            double offset, uint32_t length) */
  iocp_send_file: {
    parameters: ["i32", "i32", "i32", "f64", "u32"],
    result: "i32",
  },
  /* int32_t iocp_close_file(int32_t port, int32_t file) */
  iocp_close_file: { parameters: ["i32", "i32"], result: "i32" },
  /* int32_t iocp_progress(int32_t port, int32_t socket) */
  iocp_progress: { parameters: ["i32", "i32"], result: "i32" },
  /* int32_t iocp_shutdown(int32_t port, int32_t socket) */
  iocp_shutdown: { parameters: ["i32", "i32"], result: "i32" },
  /* int32_t iocp_close(int32_t port, int32_t socket, uint32_t mode,
                        uint32_t timeout_ms) */
  iocp_close: { parameters: ["i32", "i32", "u32", "u32"], result: "i32" },
  /* int32_t iocp_bind(int32_t port, const void* address, uint32_t flags,
                       uint32_t mode) */
  iocp_bind: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  /* int32_t iocp_receive_from(int32_t port, int32_t socket, void* buffer,
                               uint32_t offset, uint32_t length,
                               void* datagram) */
  iocp_receive_from: {
    parameters: ["i32", "i32", "buffer", "u32", "u32", "buffer"],
    result: "i32",
  },
  /* int32_t iocp_send_to(int32_t port, int32_t socket, const void* buffer,
                          uint32_t offset, uint32_t length,
                          const void* address) */
  iocp_send_to: {
    parameters: ["i32", "i32", "buffer", "u32", "u32", "buffer"],
    result: "i32",
  },
  /* int32_t iocp_send_many(int32_t port, int32_t socket,
                            const void* datagrams, uint32_t length,
                            uint32_t count) */
  iocp_send_many: {
    parameters: ["i32", "i32", "buffer", "u32", "u32"],
    result: "i32",
  },
  /* int32_t iocp_connect_datagram(int32_t port, int32_t socket,
                                   const void* address) */
  iocp_connect_datagram: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  /* int32_t iocp_membership(int32_t port, int32_t socket, const void* group,
                             const void* source, uint32_t interface_index,
                             uint32_t joins) */
  iocp_membership: {
    parameters: ["i32", "i32", "buffer", "buffer", "u32", "u32"],
    result: "i32",
  },
  /* int32_t iocp_interface_index(int32_t port, const void* address) */
  iocp_interface_index: { parameters: ["i32", "buffer"], result: "i32" },
  /* int32_t iocp_get_address(int32_t port, int32_t socket, uint32_t end,
                              void* address, uint32_t capacity) */
  iocp_get_address: {
    parameters: ["i32", "i32", "u32", "buffer", "u32"],
    result: "i32",
  },
  /* int32_t iocp_get_peer(int32_t port, int32_t socket, void* peer) */
  iocp_get_peer: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  /* int32_t iocp_set_option(int32_t port, int32_t socket, uint32_t option,
                             int32_t value) */
  iocp_set_option: { parameters: ["i32", "i32", "u32", "i32"], result: "i32" },
  /* int32_t iocp_get_option(int32_t port, int32_t socket,
                             uint32_t option) */
  iocp_get_option: { parameters: ["i32", "i32", "u32"], result: "i32" },
  /* int32_t iocp_socket_stats(int32_t port, int32_t socket, void* stats) */
  iocp_socket_stats: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  /* int32_t iocp_tcp_info(int32_t port, int32_t socket, void* info) */
  iocp_tcp_info: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  /* int32_t iocp_resolve(const void* name, uint32_t length, void* addresses,
                          uint32_t capacity) */
  iocp_resolve: {
    parameters: ["buffer", "u32", "buffer", "u32"],
    result: "i32",
  },
  /* int32_t iocp_stats(int32_t port, void* stats) */
  iocp_stats: { parameters: ["i32", "buffer"], result: "i32" },
  /* int32_t iocp_group_new(int32_t port) */
  iocp_group_new: { parameters: ["i32"], result: "i32" },
  /* int32_t iocp_group_close(int32_t port, uint32_t group) */
  iocp_group_close: { parameters: ["i32", "u32"], result: "i32" },
  /* int32_t iocp_group_stats(int32_t port, uint32_t group, void* stats) */
  iocp_group_stats: { parameters: ["i32", "u32", "buffer"], result: "i32" },
} as const;

/** What a parameter of each type is in JavaScript. */
interface NativeValues {
  i32: number;
  u32: number;
  f64: number;
  buffer: ArrayBufferView | null;
}

type NativeArguments<P extends readonly NativeType[]> = {
  -readonly [K in keyof P]: NativeValues[P[K]];
};

/** The functions of the opened library. */
export type Native = {
  readonly [K in keyof typeof SYMBOLS]: (
    ...args: NativeArguments<(typeof SYMBOLS)[K]["parameters"]>
  ) => NativeValues[(typeof SYMBOLS)[K]["result"]];
};
