// Copyright the iocp authors. MIT license.

// Bugs, as changes to this library: those of other programs that use completion
// ports; in group "found" those that the simulation has found here; and in group
// "documentation" those that were noticed when the engine and the model were
// compared with Microsoft's documentation. Each is planted alone, in a copy of the
// library, and the simulation must find it (`npm test -- --stage simulate`). `number`
// is that in the first list of known bugs. The text to replace must be in the file
// exactly once, so a change of the engine that removes it fails here.

/**
 * `{ group, world, number, name, source, changes: [{ file, from, to }] }`, below
 * ffi/src. The world is that of Windows unless it says otherwise.
 * `source` says where the bug was made, or what rules it out.
 */
export const bugs = [
  {
    number: 1,
    name:
      "a handle is closed with a receive pending, which resets the connection",
    source: "libuv #3034, toit #3221",
    changes: [{
      file: "windows/cancel.c",
      from: "CancelIoEx((HANDLE)engine->handle, NULL) ? 0 : GetLastError();",
      to: `!socket->close_detach ||
      CancelIoEx((HANDLE)engine->handle, NULL) ? 0 : GetLastError();`,
    }, {
      file: "windows/cancel.c",
      from: "  if (socket->close_reset || engine->out.in_flight ||",
      to: "  if (!socket->close_detach || engine->out.in_flight ||",
    }],
  },
  {
    number: 2,
    name: "a close does not wait for unsent bytes",
    source: "closesocket(), remarks: a close cuts a pending send off",
    changes: [{
      file: "close.c",
      from:
        "  return !socket->close_reset && send_copy_first(socket) != NULL &&",
      to:
        "  return false && !socket->close_reset && send_copy_first(socket) != NULL &&",
    }],
  },
  {
    number: 3,
    name: "the bytes of a canceled receive are discarded",
    source: "CancelIoEx(); CPython bpo-33694",
    changes: [{
      file: "windows/receive.c",
      from: "  if (bytes != 0) {",
      to: "  if (bytes != 0 && status >= 0) {",
    }],
  },
  {
    number: 4,
    name: "memory is freed before the packet of its operation was dequeued",
    source: "boostorg/asio #190, tinymux #1832, ponyc #5046",
    changes: [{
      file: "windows/cancel.c",
      from:
        "  return engine->accepts_posted == 0 && engine->receives_in_flight == 0 &&",
      to: "  return engine->accepts_posted == 0 &&",
    }],
  },
  {
    number: 5,
    name: "an operation that was refused is freed twice",
    changes: [{
      file: "windows/receive.c",
      from: `  DWORD native = (DWORD)WSAGetLastError();
  receive_list_remove(receive);
  return native;`,
      to: `  DWORD native = (DWORD)WSAGetLastError();
  struct engine_receive copy = *receive;
  receive_list_remove(receive);
  void memory_free(void* memory);
  if (copy.size != 0) memory_free(receive);
  return native;`,
    }],
  },
  {
    number: 6,
    name: "the flags of a receive are on the stack",
    source: "zio #558, WSL #14305",
    changes: [{
      file: "windows/receive.c",
      from: "                 &receive->flags,",
      to: "                 &(DWORD){0},",
    }],
  },
  {
    number: 7,
    name: "an accept is added to its list and counted after it was posted",
    changes: [{
      file: "windows/accept.c",
      from: `  if (start == OP_IN_FLIGHT) {
    list_push(&listener->engine.posted, &accept->node);
    listener->engine.accepts_posted++;`,
      to: `  if (start == OP_IN_FLIGHT) {
    engine_poll(listener->port);
    list_push(&listener->engine.posted, &accept->node);
    listener->engine.accepts_posted++;`,
    }],
  },
  {
    number: 8,
    name: "a failed accept is not retried",
    source: "tinymux #1830: an accept was never retried",
    changes: [{
      file: "listener.c",
      from: "  if (listener->accept_retry_ms <= system_now_ms()) {",
      to: "  if (listener->accept_retry_ms < 1) {",
    }],
  },
  {
    number: 9,
    name: "a packet of another program is treated as one of the library",
    source: "libuv #2016, Bun #42819",
    changes: [{
      file: "windows/queue.c",
      from: "    if (packets[i].lpCompletionKey != (ULONG_PTR)port) continue;",
      to: "",
    }],
  },
  {
    number: 10,
    name: "handles can be inherited",
    source: "WSA_FLAG_NO_HANDLE_INHERIT; libuv #4810, Bun #36938",
    changes: [{
      file: "windows/handle.c",
      from: "WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT",
      to: "WSA_FLAG_OVERLAPPED",
    }],
  },
  {
    number: 11,
    name: "a reset is reported as the end of the stream",
    source: '"Windows Sockets Error Codes", WSAECONNRESET',
    changes: [{
      file: "windows/receive.c",
      from: "                  : receive__error(errors_of_status(status));",
      to: `                  : receive__error(errors_of_status(status));
  if (status < 0 && result == -IOCP_ECONNRESET)
    result = 0;`,
    }],
  },
  {
    number: 12,
    name: "a warning status is treated as success",
    source:
      "measured under Wine: the receive of a closed handle ends with 0x8000000A",
    changes: [{
      file: "windows/connect.c",
      from: "  if (status < 0) {",
      to: "  if (((uint32_t)status >> 30) == 3) {",
    }, {
      file: "windows/receive.c",
      from: "                  : receive__error(errors_of_status(status));",
      to: `                  : receive__error(errors_of_status(status));
  if (status < 0 && ((uint32_t)status >> 30) != 3)
    result = 0;`,
    }],
  },
  {
    number: 15,
    name: "an OVERLAPPED is reused before its packet was dequeued",
    source: "libxev #227",
    changes: [{
      file: "windows/receive.c",
      from: "  if (engine->receive_count == 0 && !engine->retries_receive)",
      to: "  if (engine->receive_count <= 1 && !engine->retries_receive)",
    }, {
      file: "windows/receive.c",
      from: "  if (engine->has_ended || engine->receive_count != 0) return;",
      to: "  if (engine->has_ended) return;",
    }],
  },
  {
    number: 16,
    name: "a receive that failed for want of memory is not retried",
    source: "WSAENOBUFS, ERROR_NO_SYSTEM_RESOURCES; tinymux #1830",
    changes: [{
      file: "windows/receive.c",
      from: "  if (!receive__add(socket, 0) && !engine->has_ended)",
      to: "  if (!receive__add(socket, 0) && engine->has_ended)",
    }],
  },
  {
    number: 19,
    name: "a closed listener still listens",
    changes: [{
      file: "windows/cancel.c",
      from: `    accept_cancel_all(socket);
    cancel__close(engine, false);`,
      to: `    accept_cancel_all(socket);
    CancelIoEx((HANDLE)engine->handle, NULL);`,
    }],
  },
  {
    number: 20,
    name: "the socket of a canceled accept stays open",
    changes: [{
      file: "windows/accept.c",
      from: `  accept_reset(accept);
  memory_free(accept);`,
      to: `  if (op_status(&accept->op) >= 0) accept_reset(accept);
  memory_free(accept);`,
    }],
  },
  {
    number: 22,
    name: "a short send counts as complete",
    source: "WSASend(): nothing promises that it sends all bytes",
    changes: [{
      file: "windows/send.c",
      from: "  sender_copy_progressed(copy, op_bytes(&copy->engine.op));",
      to: "  sender_copy_progressed(copy, copy->length - copy->offset);",
    }],
  },
  {
    number: 27,
    name: "a wake-up that another thread has dequeued is lost",
    source: "iocp_wait(): blocks until iocp_wake() is called",
    changes: [{
      file: "windows/wake.c",
      from:
        `      atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FILLING)
    wake__post(port);`,
      to:
        `      atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FILLING)
    (void)0;`,
    }],
  },
  {
    name: "the context of an accepted socket is not updated",
    source: "AcceptEx(), remarks: SO_UPDATE_ACCEPT_CONTEXT",
    changes: [{
      file: "windows/accept.c",
      from: "  if (accept->has_context) return true;",
      to: "  accept->has_context = true;\n  if (handle != 0) return true;",
    }, {
      file: "windows/accept.c",
      from:
        "  if (!socket_is_local(listener) && !handle_set_reset(accept->target, false))\n    return -IOCP_ECONNABORTED;",
      to: "  (void)handle_set_reset(accept->target, false);",
    }],
  },
  {
    name: "the context of a connected socket is not updated",
    source: "ConnectEx(), remarks: SO_UPDATE_CONNECT_CONTEXT",
    changes: [{
      file: "windows/connect.c",
      from:
        "  DWORD native = socket->state == SOCKET_CLOSING ? 0 : connect__update(socket);",
      to: `  DWORD native = 0;
  (void)connect__update;`,
    }],
  },
  {
    name: "a socket is not bound before ConnectEx()",
    source: "ConnectEx(), WSAEINVAL",
    changes: [{
      file: "windows/connect.c",
      from: "  if (bind(handle, (SOCKADDR*)&system, length) == 0) return 0;",
      to:
        "  if (local == &any || bind(handle, (SOCKADDR*)&system, length) == 0) return 0;",
    }],
  },
  {
    name: "another program can bind the address of a listener",
    source: '"Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"',
    changes: [{
      file: "windows/listen.c",
      from: "!listen__set(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, TRUE)",
      to: "!listen__set(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, FALSE)",
    }],
  },
  {
    name: "a refused connection to this machine takes two seconds",
    source: "SIO_TCP_INITIAL_RTO; libuv, src/win/tcp.c",
    changes: [{
      file: "windows/connect.c",
      from: "  if (address_is_loopback(&socket->peer) &&",
      to: "  if (!address_is_loopback(&socket->peer) &&",
    }],
  },
  {
    name: "a FIN is sent while sends are pending",
    source: "libuv, uv__process_tcp_shutdown_req()",
    changes: [{
      file: "sender.c",
      from:
        "  if (send_copy_first(socket) == NULL) sender__shut(socket);\n  return 0;",
      to: "  sender__shut(socket);\n  return 0;",
    }],
  },
  {
    name: "receives are read in the order of their packets",
    source: "WSARecv(), remarks on completion order",
    changes: [{
      file: "windows/receive.c",
      from: `  socket->engine.receives_in_flight--;
  receive__result(receive);`,
      to: `  socket->engine.receives_in_flight--;
  list_remove(&receive->node);
  list_push(&socket->engine.receives, &receive->node);
  receive__result(receive);`,
    }],
  },
  {
    name: "a layered provider is trusted to skip packets",
    source: "Microsoft KB 2568167",
    changes: [{
      file: "windows/handle.c",
      from: "      is_ifs && !socket->engine.relays &&",
      to: "      (is_ifs || true) && !socket->engine.relays &&",
    }],
  },
  {
    name: "the event of a relay is closed while its callback may still run",
    source: "UnregisterWaitEx()",
    changes: [{
      file: "windows/relay.c",
      from: "UnregisterWaitEx(op->wait, INVALID_HANDLE_VALUE)",
      to: "UnregisterWaitEx(op->wait, NULL)",
    }],
  },
  {
    name: "bytes behind a pending receive are received first",
    source: "WSARecv(), remarks on completion order",
    changes: [{
      file: "windows/receive.c",
      from:
        "  if (first != NULL) return copied != 0 ? (int32_t)copied : ENGINE_WOULD_BLOCK;",
      to: "  if (first != NULL && copied != 0) return (int32_t)copied;",
    }],
  },
  {
    name: "deadlines include the time that the machine sleeps",
    source: "QueryUnbiasedInterruptTime(); GetTickCount64(), remarks",
    changes: [{
      file: "windows/system.c",
      from: `  ULONGLONG now = 0;
  QueryUnbiasedInterruptTime(&now);
  return now / SYSTEM__PER_MS;`,
      to: "  return SYSTEM__PER_MS == 0 ? 0 : GetTickCount64();",
    }],
  },
  {
    name: "a packet is expected of a borrowed handle that skips packets",
    source:
      "SetFileCompletionNotificationModes(): a mode that is set cannot be removed",
    changes: [{
      file: "windows/borrow.c",
      from:
        "  handle_query_modes(socket, borrow->handle, borrow->identity.is_ifs);\n",
      to: "",
    }],
  },
  {
    name: "a handle with unknown modes is assumed to have none",
    source: "ntifs.h, FILE_IO_COMPLETION_NOTIFICATION_INFORMATION",
    changes: [{
      file: "windows/handle.c",
      from: "  engine->relays = skips < 0;",
      to: "  engine->relays = skips < -1;",
    }],
  },
  {
    name:
      "a borrowed handle is assumed not to be a file handle if that is unknown",
    changes: [{
      file: "windows/borrow.c",
      from:
        "  if (is_ifs < 0) return errors_of((DWORD)WSAGetLastError());\n  borrow->identity.is_ifs = is_ifs != 0;",
      to: "  borrow->identity.is_ifs = is_ifs > 0;",
    }],
  },
  {
    name: "a close counts only completed sends as progress",
    source: "WSASend(), remarks on completion",
    changes: [{
      file: "progress.c",
      from: "  if (progress_made(socket)) {",
      to: "  if (progress_made(socket) && false) {",
    }],
  },
  {
    name: "a close counts retransmissions as progress",
    source: "SIO_TCP_INFO, BytesOut and BytesRetrans",
    changes: [{
      file: "windows/acknowledged.c",
      from:
        "  *bytes_out = info.BytesOut - info.BytesRetrans - info.BytesInFlight;",
      to: "  *bytes_out = info.BytesOut;",
    }, {
      file: "progress.c",
      from: "#define PROGRESS__BYTES_MIN 64",
      to: "#define PROGRESS__BYTES_MIN 1",
    }],
  },
  {
    name: "a close counts zero-window probes as progress",
    source: "RFC 9293, 3.8.6.1",
    changes: [{
      file: "progress.c",
      from: "#define PROGRESS__BYTES_MIN 64",
      to: "#define PROGRESS__BYTES_MIN 1",
    }],
  },
  {
    name:
      "a receive that the close has ended is reported as the end of the connection",
    source: "iocp_close(): -IOCP_ECANCELED if they have no other result",
    changes: [{
      file: "callbacks/callback_thread.c",
      from:
        "    callback__fail(socket, is_stale ? -IOCP_ECANCELED : record->result);",
      to:
        "    callback__fail(socket, is_stale ? record->result : record->result);",
    }],
  },
  {
    name: "the scope of an address is dropped on its way to the system",
    source: '"Link-local and Site-local Addresses", scope ID',
    changes: [{
      file: "windows/address.c",
      from: "  in6->sin6_scope_id = address->scope;",
      to: "  in6->sin6_scope_id = 0;",
    }],
  },
  {
    name: "the scope of an address is dropped on its way from the system",
    source: '"Link-local and Site-local Addresses", scope ID',
    changes: [{
      file: "windows/address.c",
      from: "    address_out->scope = in6->sin6_scope_id;",
      to: "    address_out->scope = 0;",
    }],
  },
  {
    name: "a self-connect is reported as a connection",
    source: "RFC 9293, 3.5, simultaneous open",
    changes: [{
      file: "connector.c",
      from: "    if (connector__is_self_connect(socket)) error",
      to: "    if (connector__is_self_connect(socket) && native != 0) error",
    }],
  },
  {
    name: "sends behind a failed one are still sent",
    source: "WSASend(), WSAENOBUFS",
    changes: [{
      file: "windows/send.c",
      from:
        "  if (send__is_overtaken(copy)) handle_abort(copy->socket, error, native);\n",
      to: "  if (error > 0) handle_abort(copy->socket, error, native);\n",
    }],
  },
  {
    name: "a send that followed a failed one is reported as a success",
    source: "WSASend(), WSAENOBUFS",
    changes: [{
      file: "windows/send.c",
      from: "    if (next->is_done) {\n",
      to: "    if (next->is_done && native == 1) {\n",
    }, {
      file: "windows/send.c",
      from: "  if (socket->engine.handle == INVALID_SOCKET) {",
      to:
        "  if (socket->engine.handle == INVALID_SOCKET && socket->error == 0) {",
    }],
  },
  {
    name: "a connection with a short send is reset only when it is closed",
    changes: [{
      file: "windows/send.c",
      from: "    send__fail(copy, -IOCP_ECONNRESET, 0);\n}",
      to: "    sender_copy_done(copy, -IOCP_ECONNRESET, 0);\n}",
    }],
  },
  // ---- bugs that the simulation has found in this library
  {
    group: "found",
    name: "a send succeeds behind one whose packet comes after the reset",
    source: "found by the simulation",
    changes: [{
      file: "sender.c",
      from: "      copy->result = error;\n",
      to: "      copy->result += 0;\n",
    }, {
      file: "windows/send.c",
      from: "    send__lose(copy, socket->error, socket->error_native);",
      to: "    sender_copy_done(copy, socket->error, socket->error_native);",
    }],
  },
  {
    group: "found",
    name:
      "a socket that is closed before its thread adopts it fails with the error of the call",
    source: "found by the simulation",
    changes: [{
      file: "callbacks/callback_thread.c",
      from: "  callback__fail(socket, is_stale ? -IOCP_ECANCELED : result);\n}",
      to: "  callback__fail(socket, is_stale ? result : result);\n}",
    }],
  },
  {
    group: "found",
    name:
      "a relayed operation that is not waited for is canceled and posted again",
    source: "found by the simulation",
    changes: [{
      file: "windows/relay.c",
      from:
        `  op->overlapped.hEvent = (HANDLE)((ULONG_PTR)op->event | RELAY__NO_PACKET);
`,
      to:
        `  op->overlapped.hEvent = (HANDLE)((ULONG_PTR)op->event | RELAY__NO_PACKET);
  return true;
}

bool relay_start(struct socket* socket, struct engine_op* op);
bool relay_start(struct socket* socket, struct engine_op* op) {
`,
    }, {
      file: "windows/relay.c",
      from: `  op->wait = NULL;
  relay_end(op);
  return false;`,
      to: `  op->wait = NULL;
  CancelIoEx((HANDLE)socket->engine.handle, &op->overlapped);
  return false;`,
    }, {
      file: "windows/operation.c",
      from:
        "  if (has_succeeded && socket->engine.skips_packets) return OP_COMPLETED;",
      to: `  bool relay_start(struct socket * socket, struct engine_op * op);
  if (has_succeeded && socket->engine.skips_packets) {
    relay_end(op);
    return OP_COMPLETED;
  }`,
    }, {
      file: "windows/operation.c",
      from: "  op->in_flight = true;",
      to: `  if (op->event != NULL && !relay_start(socket, op)) {
    WaitForSingleObject(op->event, INFINITE);
    relay_end(op);
    if (op_status(op) != (LONG)0xC0000120) return OP_COMPLETED;
    WSASetLastError(WSAENOBUFS);
    return OP_REFUSED;
  }
  op->in_flight = true;`,
    }, {
      file: "windows/handle.c",
      from: "      is_ifs && !socket->engine.relays &&",
      to: "      is_ifs &&",
    }],
  },
  {
    group: "found",
    name: "a handle that cannot be made non-blocking stays on the port",
    source: "found by the simulation",
    changes: [{
      file: "windows/handle.c",
      from:
        "    if (!socket->engine.relays) winsock_remove_from_port(handle);\n",
      to: "",
    }],
  },
  {
    group: "found",
    name: "an adopted handle is assumed not to skip packets if that is unknown",
    source: "found by the simulation",
    changes: [{
      file: "windows/handle.c",
      from:
        "  if (is_ifs < 0) return errors_fail(port, (DWORD)WSAGetLastError());",
      to: "  if (is_ifs < 0) is_ifs = 0;",
    }],
  },
  {
    group: "found",
    name: "a packet is expected of a detached handle that skips packets",
    source: "found by the simulation",
    changes: [{
      file: "windows/handle.c",
      from:
        "  if (!socket->engine.skips_packets) handle_query_modes(socket, handle, is_ifs);\n",
      to: "",
    }],
  },
  {
    group: "found",
    name: "a stopped listener reports connections of its additional accepts",
    source: "found by the simulation",
    changes: [{
      file: "windows/accept.c",
      from:
        "  if (listener->accept_target == 0 && !listener->is_stopped)\n    return ENGINE_WOULD_BLOCK;\n",
      to: "",
    }],
  },
  {
    group: "found",
    name: "silent peers with a timeout below 8 ms are checked once a second",
    source: "found by the simulation",
    changes: [{
      file: "windows/defer_accept.c",
      from: "  if (timeout_ms == 0 || share_ms > DEFER_ACCEPT__WATCH_MAX_MS)",
      to: "  if (share_ms == 0 || share_ms > DEFER_ACCEPT__WATCH_MAX_MS)",
    }],
  },
  {
    group: "found",
    name: "a silent peer that is timed out sees a clean end",
    source: "found by the simulation",
    changes: [{
      file: "windows/accept.c",
      from: `  if (!listener->is_borrowed && !socket_is_local(listener))
    handle_set_reset(accept->target, true);
  native = accept__start(accept);`,
      to: "  native = accept__start(accept);",
    }],
  },
  {
    group: "found",
    name: "accepts that were posted while deferring stay posted",
    source: "found by the simulation",
    changes: [{
      file: "windows/defer_accept.c",
      from:
        "  if (!listener->defers_accept && listener->engine.accepts_for_data == 0)",
      to: "  if (!listener->defers_accept)",
    }, {
      file: "windows/defer_accept.c",
      from:
        "  if (listener->defers_accept || socket_is_local(listener)) return 0;",
      to: "  if (list != NULL) return 0;",
    }],
  },
  {
    group: "found",
    name: "a share that lacks memory has the number of an earlier failure",
    source: "found by the simulation",
    changes: [{
      file: "share.c",
      from: "return port_fail(listener->port, -IOCP_ENOMEM, 0);",
      to: "return -IOCP_ENOMEM;",
    }],
  },
  {
    group: "found",
    name: "a borrowed listener accepts on a system without AcceptEx()",
    source: "found by the simulation",
    changes: [{
      file: "windows/borrow.c",
      from: `    if (!winsock_accepts(provider))
      return winsock_missing(socket->port, provider);
`,
      to: "    (void)provider;\n",
    }],
  },
  {
    group: "found",
    name: "a wake-up is lost for want of memory",
    source: "found by the simulation",
    changes: [{
      file: "windows/wake.c",
      from:
        "  while (!PostQueuedCompletionStatus(engine->handle, 0, (ULONG_PTR)port, NULL))\n    Sleep(WAKE__PAUSE_MS);",
      to:
        "  if (!PostQueuedCompletionStatus(engine->handle, 0, (ULONG_PTR)port, NULL))\n    atomic_store(&engine->wake_posted, WAKE__PAUSE_MS == 0);",
    }],
  },
  {
    group: "found",
    name: "a port is made although the end of its thread will not be reported",
    source: "found by the simulation",
    changes: [{
      file: "port.c",
      from: "  if (!system_watch_thread(port__thread_ended)) goto err2;",
      to: "  (void)system_watch_thread(port__thread_ended);",
    }],
  },
  {
    group: "found",
    name: "the end of the process waits for threads that were terminated",
    source: "found by the simulation",
    changes: [{
      file: "port.c",
      from: "    if (!process_ends) {",
      to: "    if (!process_ends || process_ends) {",
    }],
  },
  {
    name: "the end of the process waits for packets that never come",
    source: "ExitProcess(), remarks; opencv #20014, dotnet/runtime #91739",
    changes: [{
      file: "windows/queue.c",
      from: "#define QUEUE__EXIT_MS 50",
      to: "#define QUEUE__EXIT_MS 5000",
    }],
  },
  {
    name: "the end of the process ends a stream that was cut like a whole one",
    source:
      "closesocket(), remarks; measured under Wine: what follows may look like an end",
    changes: [{
      file: "close_all.c",
      from: "      engine_close_handle(socket, socket->close_reset);",
      to: "      engine_close_handle(socket, false);",
    }],
  },
  {
    group: "found",
    name: "timers run before the queue is polled",
    source: "found by the simulation",
    changes: [{
      file: "poller.c",
      from: `  bool is_full = engine_poll(port);
`,
      to: `  poller__timers(port);
  bool is_full = engine_poll(port);
`,
    }],
  },
  {
    group: "found",
    name: "timers run when only a part of the queue was dequeued",
    source: "found by the simulation",
    changes: [{
      file: "poller.c",
      from:
        "  if (port->full_polls % POLLER__FULL_MAX == 0) poller__timers(port);",
      to: "  if (POLLER__FULL_MAX != 0) poller__timers(port);",
    }],
  },
  {
    group: "found",
    name: "a detach returns a handle that a failed cancel has closed",
    source: "found by the simulation",
    changes: [{
      file: "windows/cancel.c",
      from:
        "  if (!is_canceled && socket->close_detach) cancel__fail_detach(socket, native);",
      to: "  (void)cancel__fail_detach;",
    }],
  },
  {
    group: "found",
    name: "a second shutdown is accepted after an error",
    source: "found by the simulation",
    changes: [{
      file: "sender.c",
      from: `  socket->fin_sent = true;
  if (socket->error == 0) {
`,
      to: `  if (socket->error == 0) {
    socket->fin_sent = true;
`,
    }],
  },
  {
    group: "found",
    name: "a delete during a detach ends a partial stream cleanly",
    source: "found by the simulation",
    changes: [{
      file: "close_all.c",
      from:
        "    if (socket->close_detach && must_reset) socket->close_reset = true;\n",
      to: "",
    }],
  },
  {
    group: "found",
    name: "a failed connection is closed with a clean end",
    source: "found by the simulation",
    changes: [{
      file: "close.c",
      from:
        "  if (close_has_failed_send(socket)) socket->close_reset = true;\n",
      to: "",
    }],
  },
  // ---- bugs that the documentation forbids, and other implementations tolerate
  {
    group: "documentation",
    name:
      "a port lets two threads run, including those that waited on it before",
    source: '"I/O Completion Ports", "Threads and Concurrency"',
    changes: [{
      file: "windows/queue.c",
      from: "#define QUEUE__THREADS 0xFFFFFFFFu",
      to: "#define QUEUE__THREADS 2",
    }],
  },
  {
    group: "documentation",
    name: "an address is not free while old connections to it exist",
    source: '"Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"',
    changes: [{
      file: "windows/listen.c",
      from:
        "  if ((native == WSAEADDRINUSE || native == WSAEACCES) && address->port != 0)",
      to: "  if (native == WSAEADDRINUSE && address->port == 0)",
    }],
  },
  {
    group: "documentation",
    name: "an address that cannot be bound exclusively is shared",
    source: '"Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"',
    changes: [{
      file: "windows/listen.c",
      from: "  if (native == 0 && answer == TCP_TABLE_NONE) return 0;",
      to: "  if (native == 0) return 0;",
    }],
  },
  {
    group: "documentation",
    name:
      "a dual-stack listener checks only its own family for other listeners",
    source: '"Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"',
    changes: [{
      file: "windows/tcp_table.c",
      from: "  if (answer == TCP_TABLE_NONE && is_dual_stack &&",
      to: "  if (answer == TCP_TABLE_NONE && !is_dual_stack &&",
    }],
  },
  {
    group: "documentation",
    name: "a connection uses up an ephemeral port at its bind",
    source: "SO_REUSE_UNICASTPORT; dotnet/runtime, EnableReuseUnicastPort()",
    changes: [{
      file: "windows/connect.c",
      from: "  if (local->port == 0) connect__defer_port(handle);\n",
      to: "  (void)connect__defer_port;\n",
    }],
  },
  {
    group: "documentation",
    name: "an accepted socket of the user has the mode of its listener",
    source: "AcceptEx(), remarks; accept()",
    changes: [{
      file: "windows/accept.c",
      from:
        "    if (!accept__make_blocking(accept->target)) return -IOCP_ECONNABORTED;\n",
      to: "    (void)accept__make_blocking;\n",
    }],
  },
  {
    group: "documentation",
    name: "an accepted socket of the user has the events of its listener",
    source: "AcceptEx(), remarks; WSAEventSelect(), remarks",
    changes: [{
      file: "windows/accept.c",
      from: "  return WSAEventSelect(target, NULL, 0) == 0 &&",
      to: "  return",
    }],
  },
  {
    group: "documentation",
    name: "an accepted socket of the user does not linger as its listener does",
    source: "AcceptEx(), remarks; accept()",
    changes: [{
      file: "windows/accept.c",
      from: "  if (listener->is_borrowed) {\n    if (!accept__make",
      to:
        "  if (listener->is_borrowed) {\n    handle_set_reset(accept->target, false);\n    if (!accept__make",
    }],
  },
  {
    group: "documentation",
    name: "keep-alive times cannot be set on an old system",
    source: '"IPPROTO_TCP socket options": TCP_KEEPIDLE since build 16299',
    changes: [{
      file: "windows/option.c",
      from:
        "  if (system->fallback != OPTION__NONE && keep_alive_is_unknown(native)) {",
      to:
        "  if (system->fallback == OPTION__REFUSE && keep_alive_is_unknown(native)) {",
    }],
  },
  {
    group: "documentation",
    name: "a user timeout is rounded down to seconds",
    source: '"IPPROTO_TCP socket options": TCP_MAXRT in seconds',
    changes: [{
      file: "windows/option.c",
      from: "  return number / OPTION__MS + (number % OPTION__MS != 0);",
      to: "  return number / OPTION__MS;",
    }],
  },
  {
    group: "documentation",
    name:
      "a user timeout fails with the error of the system where that lacks it",
    source: "setsockopt(), WSAENOPROTOOPT; measured: Wine 10 lacks TCP_MAXRT",
    changes: [{
      file: "windows/option.c",
      from:
        "                           OPTION__MAX_RETRANSMISSION,\n                           OPTION__REFUSE},",
      to:
        "                           OPTION__MAX_RETRANSMISSION,\n                           OPTION__NONE},",
    }],
  },
  {
    group: "documentation",
    name: "IP_TOS is set although Winsock ignores it",
    source: "Microsoft KB 248611",
    changes: [{
      file: "windows/option.c",
      from: "    [IOCP_DSCP] = {0, 0, OPTION__REFUSE},",
      to: "    [IOCP_DSCP] = {0, 3, OPTION__NONE},",
    }],
  },
  {
    group: "documentation",
    name: "setting one keep-alive time resets the other",
    source: "SIO_KEEPALIVE_VALS sets both times at once",
    changes: [{
      file: "windows/keep_alive.c",
      from: "  *place = (uint16_t)seconds;",
      to:
        "  engine->keep_idle = 0;\n  engine->keep_interval = 0;\n  *place = (uint16_t)seconds;",
    }],
  },
  {
    group: "documentation",
    name: "keep-alive times are lost when keep-alive is enabled later",
    source: "SIO_KEEPALIVE_VALS sets both times at once",
    changes: [{
      file: "windows/option.c",
      from: "    native = keep_alive_apply(socket);",
      to: "    (void)keep_alive_apply;",
    }],
  },
  {
    group: "documentation",
    name: "an old system repeats a SYN 254 times",
    source: "SIO_TCP_INITIAL_RTO; libuv, src/win/tcp.c: since build 16299",
    changes: [{
      file: "windows/winsock.c",
      from: "         version.dwBuildNumber >= WINSOCK__BUILD_1709;",
      to: "         version.dwBuildNumber > 0 * WINSOCK__BUILD_1709;",
    }],
  },
  {
    group: "documentation",
    name: "a discarded connection has no context, and ends with a FIN",
    source:
      "AcceptEx(), remarks: only SO_UPDATE_ACCEPT_CONTEXT may be set then",
    changes: [{
      file: "windows/accept.c",
      from: "    accept__update(accept);\n  handle_set_reset",
      to: "    (void)accept;\n  handle_set_reset",
    }],
  },
  {
    group: "documentation",
    name: "connections of canceled accepts end with a FIN",
    source: "as Linux does with the queue of a listener that is closed",
    changes: [{
      file: "windows/accept.c",
      from: "    accept_reset(LIST_ENTRY(node, struct accept, node));",
      to: "    (void)node;",
    }],
  },
  {
    group: "documentation",
    name:
      "a connection arrives between the last check and the close of its listener",
    source: "as Linux does with the queue of a listener that is closed",
    changes: [{
      file: "windows/accept.c",
      from: "  if (engine->accepts_posted != 0 && !is_stale)",
      to: "  if (listener->is_borrowed && !is_stale)",
    }],
  },
  {
    group: "documentation",
    name: "the status of a host that is down is unknown",
    source: "[MS-ERREF], STATUS_HOST_DOWN",
    changes: [{
      file: "windows/errors.c",
      from: "    {0xC0000350u, IOCP_EHOSTUNREACH},  /* HOST_DOWN */\n",
      to: "",
    }],
  },
  {
    group: "documentation",
    name: "the status of a server with too many connections is unknown",
    source: "[MS-ERREF], STATUS_CONNECTION_COUNT_LIMIT",
    changes: [{
      file: "windows/errors.c",
      from:
        "    {0xC0000246u, IOCP_ECONNREFUSED},  /* CONNECTION_COUNT_LIMIT */\n",
      to: "",
    }],
  },
  {
    group: "documentation",
    name: "the status of an address that does not exist any more is unknown",
    source: "[MS-ERREF], STATUS_ADDRESS_CLOSED",
    changes: [{
      file: "windows/errors.c",
      from: "    {0xC000020Bu, IOCP_ECONNABORTED},  /* ADDRESS_CLOSED */\n",
      to: "",
    }],
  },
  {
    group: "documentation",
    name: "a function whose look-up fails once is assumed to be missing",
    source: "WSAIoctl(), WSAENOBUFS",
    changes: [{
      file: "windows/winsock.c",
      from: "  provider->is_known = provider->native == 0 && is_ifs >= 0;",
      to: "  provider->is_known = true;",
    }, {
      file: "windows/winsock.c",
      from: "  return errors_fail(port, provider->native);",
      to: "  return port_fail(port, -IOCP_ENOTSUP, 0);",
    }],
  },
  {
    group: "documentation",
    name: "a socket that is not overlapped is reported as one on a port",
    source: "CreateIoCompletionPort(); FILE_MODE_INFORMATION",
    changes: [{
      file: "windows/handle.c",
      from: "    if (file_mode_is_synchronous((HANDLE)handle))",
      to: "    if (!file_mode_is_synchronous((HANDLE)handle) && result == 0)",
    }],
  },
  {
    group: "lives",
    name: "a new realm does not delete the ports of the former one",
    source: "iocp_new(): ports of another realm are deleted first",
    changes: [{
      file: "port_table.c",
      from: "    if (other != 0 && other != realm)",
      to: "    if (other != 0 && other > realm + 1)",
    }],
  },
  {
    group: "lives",
    name: "a port without a realm deletes other ports",
    source: "iocp_new(): 0: the port deletes none",
    changes: [{
      file: "port_table.c",
      from: "    if (other != 0 && other != realm)",
      to: "    if (other != realm)",
    }],
  },
  {
    group: "lives",
    name: "connections are not in the group of their listener",
    source: "iocp.h, IOCP_GROUP: connections inherit that of their listener",
    changes: [{
      file: "socket.c",
      from: "  socket->group = listener->group;\n",
      to: "",
    }],
  },
  {
    group: "lives",
    name: "closing a group closes sockets of other groups",
    source: "iocp_group_close(): every socket of the group",
    changes: [{
      file: "close_all.c",
      from: "(group == GROUP_ANY || socket->group == group);",
      to: "(group == GROUP_ANY || socket->group >= group);",
    }],
  },
  {
    group: "lives",
    name: "records of a closed group are reported if its close took too long",
    source: "iocp_group_close(): nothing of them will complete",
    changes: [{
      file: "close_all.c",
      from: "  while (close_all__idle(port, group) != 0 &&",
      to: "  while (close_all__idle(port, group) != 0 && group == GROUP_ANY &&",
    }, {
      file: "close_all.c",
      from: "    socket->is_unreported = true;\n",
      to: "",
    }],
  },
  {
    group: "pipe",
    name: "the last instance of a pipe is given away without a replacement",
    source: "mio, issue of one instance per server; CreateNamedPipe(), remarks",
    changes: [{
      file: "windows/pipe_accept.c",
      from: "    if (native != 0 && pipe_accept__count(listener) < 2)",
      to: "    if (native != 0 && pipe_accept__count(listener) < 1)",
    }],
  },
  {
    group: "pipe",
    name: "a client that connected before ConnectNamedPipe() is a failure",
    source: "ConnectNamedPipe(), ERROR_PIPE_CONNECTED",
    changes: [{
      file: "windows/pipe_accept.c",
      from:
        "  if (native != ERROR_PIPE_CONNECTED && native != ERROR_NO_DATA) return native;",
      to: "  if (native != ERROR_NO_DATA) return native;",
    }],
  },
  {
    group: "pipe",
    name: "a client that has connected, written and closed is a failure",
    source: "ConnectNamedPipe(), ERROR_NO_DATA; mio, NamedPipe::connect()",
    changes: [{
      file: "windows/pipe_accept.c",
      from:
        "  if (native != ERROR_PIPE_CONNECTED && native != ERROR_NO_DATA) return native;",
      to: "  if (native != ERROR_PIPE_CONNECTED) return native;",
    }],
  },
  {
    group: "pipe",
    name: "a server disconnects its client before it has read everything",
    source: "DisconnectNamedPipe(): unread data is discarded",
    changes: [{
      file: "windows/pipe.c",
      from:
        "  if (reset && engine->is_pipe_server) DisconnectNamedPipe(pipe_handle(socket));",
      to:
        "  (void)reset;\n  if (engine->is_pipe_server) DisconnectNamedPipe(pipe_handle(socket));",
    }],
  },
  {
    group: "pipe",
    name: "a reset of a pipe looks like its end",
    source: "CloseHandle() of a pipe: the other end reads ERROR_BROKEN_PIPE",
    changes: [{
      file: "windows/pipe.c",
      from:
        "  if (reset && engine->is_pipe_server) DisconnectNamedPipe(pipe_handle(socket));",
      to: "  (void)reset;",
    }, {
      file: "windows/pipe.c",
      from: `  if (socket->close_reset && engine->is_pipe_server)
    DisconnectNamedPipe(pipe_handle(socket));`,
      to: "",
    }],
  },
  {
    group: "pipe",
    name: "the end of a pipe is an error",
    source: "libuv #3043; Node.js #35997: ERROR_BROKEN_PIPE",
    changes: [{
      file: "windows/pipe_receive.c",
      from: `    case PIPE_RECEIVE__BROKEN:
      return 0;`,
      to: `      return 0;
    case PIPE_RECEIVE__BROKEN:
      return -IOCP_ECONNRESET;`,
    }],
  },
  {
    group: "pipe",
    name: "a disconnect is the end of a pipe",
    source: "DisconnectNamedPipe(): the client receives an error",
    changes: [{
      file: "windows/pipe_receive.c",
      from: `    case PIPE_RECEIVE__BROKEN:
      return 0;
    case PIPE_RECEIVE__DISCONNECTED:
      return -IOCP_ECONNRESET;`,
      to: `    case PIPE_RECEIVE__BROKEN:
    case PIPE_RECEIVE__DISCONNECTED:
      return 0;`,
    }],
  },
  {
    group: "pipe",
    name: "a write of no bytes is the end of a pipe",
    source: "ReadFile(), remarks; microsoft/vcpkg-tool #299; libuv #985",
    changes: [{
      file: "windows/receive.c",
      from: "  if (status >= 0 && receive->size != 0 && !pipe_is(socket))",
      to:
        `  if (status >= 0 && receive->size != 0 && pipe_is(socket)) result = 0;
  if (status >= 0 && receive->size != 0 && !pipe_is(socket))`,
    }],
  },
  {
    group: "pipe",
    name: "a pipe has the default security descriptor",
    source: 'Node.js #47086; "Named Pipe Security and Access Rights"',
    changes: [{
      file: "windows/pipe_accept.c",
      from: ".lpSecurityDescriptor = path->engine.descriptor",
      to: ".lpSecurityDescriptor = NULL",
    }],
  },
  {
    group: "pipe",
    name: "others can create instances of a pipe",
    source: '"Named Pipe Security and Access Rights", FILE_GENERIC_WRITE',
    changes: [{
      file: "windows/pipe_security.c",
      from: "(A;;0x12019b;;;WD)",
      to: "(A;;FRFW;;;WD)",
    }],
  },
  {
    group: "pipe",
    name: "a security descriptor is freed before it is used again",
    source:
      "ConvertStringSecurityDescriptorToSecurityDescriptor(): LocalFree()",
    changes: [{
      file: "windows/pipe_listen.c",
      from: "  if (result >= 0) return result;\n",
      to: `  if (result >= 0) {
    pipe_security_free(engine->descriptor);
    return result;
  }
`,
    }],
  },
  {
    group: "pipe",
    name: "a pipe accepts clients of other machines",
    source: "CreateNamedPipe(), PIPE_REJECT_REMOTE_CLIENTS",
    changes: [{
      file: "windows/pipe_accept.c",
      from: `PIPE_WAIT |
                              PIPE_REJECT_REMOTE_CLIENTS,`,
      to: "PIPE_WAIT,",
    }],
  },
  {
    group: "pipe",
    name: "a pipe joins one of another program",
    source: "CreateNamedPipe(), FILE_FLAG_FIRST_PIPE_INSTANCE",
    changes: [{
      file: "windows/pipe_listen.c",
      from: "pipe_accept_make(socket, FILE_FLAG_FIRST_PIPE_INSTANCE, &first)",
      to: "pipe_accept_make(socket, 0, &first)",
    }],
  },
  {
    group: "pipe",
    name: "a server may act as its client",
    source: "ImpersonateNamedPipeClient(); CreateFile(), SECURITY_SQOS_PRESENT",
    changes: [{
      file: "windows/pipe_connect.c",
      from: "SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION)",
      to: "SECURITY_IDENTIFICATION)",
    }],
  },
  {
    group: "pipe",
    name: "a pipe that is busy is an error",
    source: '"Named Pipe Client", ERROR_PIPE_BUSY',
    changes: [{
      file: "windows/pipe_connect.c",
      from: "    if (native == ERROR_PIPE_BUSY) return ENGINE_WOULD_BLOCK;\n",
      to: "",
    }],
  },
  {
    group: "pipe",
    name: "an instance can be inherited",
    source: "libuv #4810; SECURITY_ATTRIBUTES",
    changes: [{
      file: "windows/pipe_accept.c",
      from: ".bInheritHandle = FALSE",
      to: ".bInheritHandle = TRUE",
    }],
  },
  {
    group: "pipe",
    name: "an instance is freed while it waits for a client",
    source: "boostorg/asio #190; OVERLAPPED",
    changes: [{
      file: "windows/pipe_accept.c",
      from: `    CancelIoEx(instance->handle, &instance->op.overlapped);
    pipe_accept__close(instance);`,
      to: `    CancelIoEx(instance->handle, &instance->op.overlapped);
    pipe_accept__close(instance);
    node = node->prev;
    list_remove(&instance->node);
    memory_free(instance);`,
    }],
  },
  {
    group: "pipe",
    name: "a handle is closed while a write is pending",
    source: "ReactOS, npfs/statesup.c: the write stays until it was read",
    changes: [{
      file: "windows/pipe.c",
      from:
        "  DWORD native = CancelIoEx(pipe_handle(socket), NULL) ? 0 : GetLastError();",
      to: `  DWORD native = ERROR_NOT_FOUND;
  pipe_close(socket, socket->close_reset);`,
    }],
  },
  {
    group: "pipe",
    name: "too many outstanding requests end a connection",
    source: "ReadFile() and WriteFile(), ERROR_INVALID_USER_BUFFER",
    changes: [{
      file: "windows/pipe.c",
      from: "    case ERROR_INVALID_USER_BUFFER:\n",
      to: "",
    }],
  },
  {
    group: "pipe",
    name: "the list of receives of a busy pipe is not there yet",
    source: "found by the simulation",
    changes: [{
      file: "windows/pipe_connect.c",
      from: `  receive_list_open(socket);
  int32_t result`,
      to: "  int32_t result",
    }],
  },
  {
    group: "unix",
    name: "a socket file of a server that lives is taken for stale",
    source: "rtp2httpd #572: a full backlog refuses too; bind(), WSAEADDRINUSE",
    changes: [{
      file: "windows/unix_file.c",
      from:
        "      unix_file__refuses(address, length) && unix_file__delete(file);",
      to: `      (unix_file__refuses(address, length) || true) &&
      unix_file__delete(file);`,
    }],
  },
  {
    group: "unix",
    name: "a socket file is replaced without being asked to",
    source: '"AF_UNIX comes to Windows": bind() fails if the file exists',
    changes: [{
      file: "windows/unix_listen.c",
      from: "native != WSAEADDRINUSE || !replaces ||",
      to: "native != WSAEADDRINUSE || (!replaces && length == 0) ||",
    }],
  },
  {
    group: "unix",
    name: "a listener removes the file of the next one",
    source: "libuv, uv__pipe_close(): unlink() of a path that is another's",
    changes: [{
      file: "windows/unix_file.c",
      from: `        now.nFileIndexHigh == engine->index_high &&
        now.nFileIndexLow == engine->index_low)`,
      to: "        now.nFileIndexHigh == engine->index_high)",
    }],
  },
  {
    group: "unix",
    name: "the file of a listener is left when it is closed",
    source: "gbrain #4333: each later bind() fails with WSAEADDRINUSE",
    changes: [{
      file: "windows/cancel.c",
      from:
        "    if (socket_is_local(socket) && socket->path != NULL)\n      unix_file_remove(socket);\n",
      to: "",
    }],
  },
  {
    group: "unix",
    name: "a socket file is opened as if it were a plain one",
    source: "STL #4077, zig #5652: ERROR_CANT_ACCESS_FILE",
    changes: [{
      file: "windows/unix_file.c",
      from:
        "                  FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS,",
      to: "                  FILE_FLAG_BACKUP_SEMANTICS,",
    }],
  },
  {
    group: "unix",
    name: "a unix socket is not bound before ConnectEx()",
    source: "ConnectEx(), WSAEINVAL; compio-net, src/unix.rs",
    changes: [{
      file: "windows/unix_connect.c",
      from:
        "  if (bind(handle, (const SOCKADDR*)(const void*)&unnamed, unnamed_length) !=\n      0) {",
      to: "  if (unnamed_length == 0) {",
    }],
  },
  {
    group: "unix",
    name: "the length of a unix address counts, and not its zero",
    source: "compio-net, src/unix.rs: more than the path is counted",
    changes: [{
      file: "windows/unix_address.c",
      from:
        "  while (length < sizeof address->path && address->path[length] != 0) {",
      to: "  while (length < sizeof address->path) {",
    }],
  },
  {
    group: "datagram",
    name: "a truncated datagram is taken for a whole one",
    source: "WSARecvFrom(), WSAEMSGSIZE; asio and libuv pass it on as a flag",
    changes: [{
      file: "windows/datagram_receive.c",
      from:
        "  receive->is_truncated = status == DATAGRAM_RECEIVE__BUFFER_OVERFLOW;",
      to: "  receive->is_truncated = false;",
    }],
  },
  {
    group: "datagram",
    name: "an ICMP message ends the receiving",
    source: "Microsoft KB 263823; iperf2 #391: no client was answered any more",
    changes: [{
      file: "datagram.c",
      from: "  datagram->error = 0;\n  return true;",
      to: "  datagram->error = 0;\n  socket->credit = 0;\n  return true;",
    }],
  },
  {
    group: "datagram",
    name: "a receive that has failed is not posted again",
    source: "KB 263823: the error is of an earlier datagram; iperf2 #391",
    changes: [{
      file: "windows/datagram_receive.c",
      from: `  int32_t native = receive->native;
  datagram_receive__free(receive);`,
      to: `  int32_t native = receive->native;
  receive->socket->engine.retries_receive = true;
  datagram_receive__free(receive);`,
    }],
  },
  {
    group: "datagram",
    name: "the sender of a datagram is that of the next one",
    source: "WSARecvFrom(), lpFrom: an address belongs to its operation",
    changes: [{
      file: "windows/datagram_receive.c",
      from: `  address_from_system(
      (const SOCKADDR*)&receive->from, receive->from_length, &header_out->from);`,
      to: `  const struct datagram_receive* next = receive;
  if (receive->node.next != &receive->socket->datagram->engine.receives)
    next = LIST_ENTRY(receive->node.next, struct datagram_receive, node);
  address_from_system(
      (const SOCKADDR*)&next->from, receive->from_length, &header_out->from);`,
    }],
  },
  {
    group: "datagram",
    name: "datagrams are taken in the order of their packets",
    source: "WSARecv(), remarks on completion order",
    changes: [{
      file: "windows/datagram_receive.c",
      from: `  return LIST_ENTRY(list->next, struct datagram_receive, node);
}`,
      to:
        `  for (struct list_node* node = list->next; node != list; node = node->next)
    if (LIST_ENTRY(node, struct datagram_receive, node)->is_completed)
      return LIST_ENTRY(node, struct datagram_receive, node);
  return LIST_ENTRY(list->next, struct datagram_receive, node);
}`,
    }],
  },
  {
    group: "datagram",
    name: "a datagram socket skips packets",
    source: "libuv, src/win/winsock.c: unreliable for a truncated datagram",
    changes: [{
      file: "windows/datagram_bind.c",
      from: "    result = handle_enter(socket, handle, false);",
      to: "    result = handle_enter(socket, handle, true);",
    }],
  },
  {
    group: "datagram",
    name: "the address of an IPv6 sender has no room",
    source: "CPython #84221: the buffer was that of IPv4",
    changes: [{
      file: "windows/datagram_receive.c",
      from: "  receive->from_length = sizeof receive->from;",
      to: "  receive->from_length = sizeof(SOCKADDR_IN);",
    }],
  },
  {
    group: "datagram",
    name: "the length of a sender's address is on the stack",
    source: "WSARecvFrom(), lpFromlen; zio #558, WSL #14305",
    changes: [{
      file: "windows/datagram_receive.c",
      from: "  receive->from_length = sizeof receive->from;",
      to: "  INT from_length = sizeof receive->from;",
    }, {
      file: "windows/datagram_receive.c",
      from: "                         &receive->from_length,",
      to: "                         &from_length,",
    }],
  },
  {
    group: "datagram",
    name: "ICMP messages are reported to a socket without a connection",
    source: "SIO_UDP_CONNRESET; KB 263823",
    changes: [{
      file: "windows/datagram_bind.c",
      from: "  datagram_bind__report(handle, FALSE);\n",
      to: "",
    }],
  },
  {
    group: "datagram",
    name: "a send fails for a datagram that was sent before",
    source: "sendto(), WSAECONNRESET; found by the simulation",
    changes: [{
      file: "windows/datagram_send.c",
      from:
        "  if (native != WSAECONNRESET && native != WSAENETRESET) return false;",
      to:
        "  if (native != WSAECONNRESET || native != WSAENETRESET) return false;",
    }],
  },
  {
    group: "datagram",
    name: "another program can bind the address of a datagram socket",
    source: '"Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"',
    changes: [{
      file: "windows/datagram_bind.c",
      from:
        "  if (!datagram_bind__set(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, TRUE) ||",
      to:
        "  if (!datagram_bind__set(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, FALSE) ||",
    }],
  },
  {
    group: "datagram",
    name: "a copy is posted again while it is in flight",
    source: "libxev #227",
    changes: [{
      file: "windows/datagram_send.c",
      from: `  while ((copy = send_copy_first(socket)) != NULL &&
         !copy->engine.op.in_flight) {`,
      to: `  while ((copy = send_copy_first(socket)) != NULL) {`,
    }],
  },
  {
    group: "datagram",
    name: "a receive is freed before its packet was dequeued",
    source: "boostorg/asio #190, tinymux #1832",
    changes: [{
      file: "windows/datagram_receive.c",
      from: "    socket->engine.receives_in_flight++;\n    return true;",
      to: `    if (socket->engine.receives_in_flight < 2)
      socket->engine.receives_in_flight++;
    return true;`,
    }, {
      file: "windows/datagram_receive.c",
      from: "  socket->engine.receives_in_flight--;",
      to: `  if (socket->engine.receives_in_flight != 0)
    socket->engine.receives_in_flight--;`,
    }],
  },
  {
    group: "datagram",
    name: "a copy goes to the peer of a later connect",
    source: "found by the simulation",
    changes: [{
      file: "api_datagram.c",
      from: "  if (send_copy_first(socket) != NULL)\n",
      to: "  if (false && send_copy_first(socket) != NULL)\n",
    }],
  },
  {
    group: "datagram",
    name: "an empty datagram is taken for none",
    source: "recvfrom(): a datagram may be empty, which is no end",
    changes: [{
      file: "windows/datagram_receive.c",
      from:
        "  if (receive == NULL || !receive->is_completed) return ENGINE_WOULD_BLOCK;\n  if (receive->error",
      to:
        "  if (receive == NULL || !receive->is_completed || receive->length == 0)\n    return ENGINE_WOULD_BLOCK;\n  if (receive->error",
    }],
  },
  {
    group: "datagram",
    name: "the index of an interface is in the wrong order",
    source: '"IPPROTO_IP socket options": 0.x.x.x in network byte order',
    changes: [{
      file: "windows/interface.c",
      from: "  uint32_t name = htonl(index);",
      to: "  uint32_t name = index;",
    }],
  },
  {
    group: "datagram",
    name: "an interface is named by an address that is a duplicate",
    source: "MIB_UNICASTIPADDRESS_ROW, DadState",
    changes: [{
      file: "windows/interface.c",
      from: "entry->address.family == IOCP_IPV4 && entry->is_preferred &&",
      to: "entry->address.family == IOCP_IPV4 &&",
    }],
  },
  {
    group: "pipe",
    name: "a pipe whose instances cannot be counted is taken for the first",
    source: "GetNamedPipeHandleState(); Wine 10 ignores the flag; found here",
    changes: [{
      file: "windows/pipe_accept.c",
      from: `          instance->handle, NULL, &count, NULL, NULL, NULL, 0))
    return GetLastError();`,
      to: `          instance->handle, NULL, &count, NULL, NULL, NULL, 0))
    return 0;`,
    }],
  },
  {
    group: "pipe",
    name: "a client that comes during ConnectNamedPipe() is lost",
    source: "ConnectNamedPipe(), return value: zero only while it is pending",
    changes: [{
      file: "windows/pipe_accept.c",
      from:
        "  DWORD native = start == OP_COMPLETED ? ERROR_PIPE_CONNECTED : GetLastError();",
      to: "  DWORD native = GetLastError();",
    }],
  },
  {
    group: "pipe",
    name: "a pipe that may not be read is adopted",
    source: 'PeekNamedPipe(): "the handle must have GENERIC_READ access"',
    changes: [{
      file: "windows/pipe_adopt.c",
      from: "  if (native == ERROR_BROKEN_PIPE) return 0;",
      to:
        "  if (native == ERROR_BROKEN_PIPE || native == ERROR_ACCESS_DENIED) return 0;",
    }],
  },
  {
    group: "pipe",
    name: "a receive that has completed at once with no bytes is looked at",
    source: "ReadFile(), remarks: TRUE with no bytes",
    changes: [{
      file: "windows/receive.c",
      from: "    if (first == NULL || first->is_completed) break;",
      to: "    if (first->is_completed) break;",
    }],
  },
  {
    group: "pipe",
    name: "a half of a surrogate pair takes the next unit with it",
    source: '"Naming Files, Paths, and Namespaces": a name is opaque WCHARs',
    changes: [{
      file: "windows/utf8.c",
      from:
        "  if (second < UTF8__SURROGATE_LOW || second > UTF8__SURROGATE_LAST) return 1;\n",
      to: "",
    }],
  },
  {
    group: "unix",
    name: "a listener that takes no connection now is taken for gone",
    source: "connect(), WSAEWOULDBLOCK; listen(), remarks on the backlog",
    changes: [{
      file: "windows/unix_file.c",
      from: "      WSAGetLastError() == WSAECONNREFUSED;",
      to: "      WSAGetLastError() != WSAENOBUFS;",
    }],
  },
  {
    group: "unix",
    name: "a file is known by a part of its index",
    source: '"BY_HANDLE_FILE_INFORMATION": volume and both halves',
    changes: [{
      file: "windows/unix_file.c",
      from: "        now.nFileIndexHigh == engine->index_high &&\n",
      to: "",
    }],
  },
  {
    group: "passing",
    name: "a relay changes the modes that the handle has in another process",
    source: "found by the simulation; SetFileCompletionNotificationModes()",
    changes: [{
      file: "windows/handle.c",
      from: "      is_ifs && !socket->engine.relays &&",
      to: "      is_ifs &&",
    }, {
      file: "windows/handle.c",
      from:
        "  socket->engine.copies_sends = port->engine.truncates_sends;\n  socket->engine.handle",
      to: `  if (socket->engine.relays) socket->engine.skips_packets = false;
  socket->engine.copies_sends = port->engine.truncates_sends;
  socket->engine.handle`,
    }],
  },
  {
    group: "passing",
    name:
      "accepts that could not be canceled stay with a listener that stopped",
    source: "found by the simulation; tinymux #1830 has the same for posting",
    changes: [{
      file: "windows/accept.c",
      from: "    listener_retry(listener);\n",
      to: "    listener_arm(listener);\n",
    }],
  },
  {
    group: "passing",
    name: "a listener that stops resets what it has accepted",
    source: "node #43747: a worker that cannot accept a connection closes it",
    changes: [{
      file: "windows/accept.c",
      from: `      !CancelIoEx((HANDLE)engine->handle, NULL) &&
      GetLastError() != ERROR_NOT_FOUND)
    listener_retry(listener);`,
      to: `      !CancelIoEx((HANDLE)engine->handle, NULL) &&
      GetLastError() != ERROR_NOT_FOUND)
    listener_retry(listener);
  accept_cancel_all(listener);`,
    }],
  },
  {
    group: "passing",
    name: "what a listener had accepted when it stopped is never delivered",
    source: "axum-server #111: it is closed once the shutdown completes",
    changes: [{
      file: "windows/accept.c",
      from: "  if (listener->accept_target == 0 && !listener->is_stopped)\n",
      to: "  if (listener->accept_target == 0)\n",
    }],
  },
  {
    group: "passing",
    name: "a listener that stopped posts accepts for its larger backlog",
    source: "iocp_stop(); the extra accepts are those of engine_set_backlog()",
    changes: [{
      file: "windows/accept.c",
      from: "  if (listener->is_stopped) return;\n",
      to: "",
    }],
  },
  {
    group: "passing",
    name: "the close of one handle shuts the connection of the others down",
    source: "libuv #1204: a close of a duplicated socket called shutdown()",
    changes: [{
      file: "windows/inbox.c",
      from: "  if (closesocket(handle) == 0) return 0;",
      to:
        "  shutdown(handle, SD_SEND);\n  if (closesocket(handle) == 0) return 0;",
    }],
  },
  {
    group: "passing",
    name: "a child process inherits a handle that was taken",
    source: "libuv #5097, ocaml #10809: WSASocketW() with the structure",
    changes: [{
      file: "windows/inbox.c",
      from: "WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);",
      to: "WSA_FLAG_OVERLAPPED);",
    }],
  },
  {
    group: "passing",
    name: "a listener that is on another port is taken for one of this port",
    source:
      "joyent/libuv #1023, libuv #2016: the packets come to the other port",
    changes: [{
      file: "windows/adopt_listener.c",
      from: "  return handle_enter(socket, handle, is_ifs);\n",
      to: `  int32_t result = handle_enter(socket, handle, is_ifs);
  socket->engine.relays = false;
  return result;
`,
    }],
  },
  {
    group: "passing",
    name: "a listener that was refused is closed",
    source: "iocp_add_listener(): on failure the caller keeps it, unchanged",
    changes: [{
      file: "windows/adopt_listener.c",
      from:
        "    return port_fail(port, -IOCP_EEXIST, ERROR_INVALID_PARAMETER);\n",
      to: `    return closesocket(handle),
           port_fail(port, -IOCP_EEXIST, ERROR_INVALID_PARAMETER);
`,
    }],
  },
  {
    group: "passing",
    name: "a process that has ended is a wrong address",
    source: 'WSADuplicateSocketW(), WSAEINVAL: "parameters was invalid"',
    changes: [{
      file: "windows/inbox.c",
      from:
        "  if (native == WSAEINVAL)\n    return port_fail(port, -IOCP_ECONNREFUSED",
      to:
        "  if (native == WSAENOTSOCK)\n    return port_fail(port, -IOCP_ECONNREFUSED",
    }],
  },
  {
    group: "found",
    name: "a connection that cannot be asked about has ended",
    source: "seed 3368370: WSAPoll() failed, and 12 bytes were missing",
    changes: [{
      file: "windows/receive.c",
      from: "  if (count < 0) return RECEIVE__NONE;",
      to: "  if (count < 0) return RECEIVE__END;",
    }],
  },
  {
    group: "found",
    name: "a reset that Wine reports as an end is one",
    source: "Wine 10 reports a reset once, and an end after that",
    changes: [{
      file: "windows/receive.c",
      from: "  if ((entry.revents & POLLERR) != 0) return RECEIVE__RESET;\n",
      to: "",
    }],
  },
  {
    group: "found",
    name: "no interface has an address while they cannot be asked for",
    source: "GetUnicastIpAddressTable(), ERROR_NOT_ENOUGH_MEMORY",
    changes: [{
      file: "windows/membership.c",
      from:
        "  if (native != ERROR_NOT_FOUND) return errors_fail(port, native);\n",
      to: "",
    }],
  },
  {
    group: "found",
    name: "a connection that the library has closed is only not open",
    source: "a write after a firstByteTimeout failed with EBADF",
    changes: [{
      file: "close.c",
      from: "  socket->closed_itself = true;\n",
      to: "",
    }],
  },
  {
    group: "found",
    name: "a connection is aborted without a cancel",
    source:
      "under Wine 10 sends outlive closesocket(), and never end after a reset",
    changes: [{
      file: "windows/handle.c",
      from: "  CancelIoEx((HANDLE)handle, NULL);\n",
      to: "",
    }],
  },
  {
    group: "files",
    name: "a file that has become shorter counts as sent",
    source: "Wine 10: TransmitFile() succeeds with the bytes that there were",
    changes: [{
      file: "windows/send.c",
      from: "    send__lose(copy, -IOCP_ENODATA, 0);",
      to: "    sender_copy_done(copy, 0, 0);",
    }],
  },
  {
    group: "files",
    name: "a copy of a file that has become shorter is sent as it is",
    source: "ReadFile(), ERROR_HANDLE_EOF: the end of the file was reached",
    changes: [{
      file: "sender.c",
      from: "  if (count >= 0 && (uint32_t)count < length)\n",
      to: "  if (count >= 0 && length == 0)\n",
    }],
  },
  {
    group: "files",
    name: "a file stays open after a send that was canceled",
    source: "dotnet/corefx #25354: who disposes of the file that is being sent",
    changes: [{
      file: "send_copy.c",
      from: "  if (copy->file != NULL) file_release(copy->file);",
      to:
        "  if (copy->file != NULL && copy->result >= 0) file_release(copy->file);",
    }],
  },
  {
    group: "files",
    name: "a file is closed while it is being transmitted",
    source: "dotnet/corefx #25354: the system uses it until the completion",
    changes: [{
      file: "send_copy.c",
      from: "  file_retain(file);\n",
      to: "",
    }, {
      file: "send_copy.c",
      from: "  if (copy->file != NULL) file_release(copy->file);",
      to: "",
    }],
  },
  {
    group: "files",
    name: "a later part of a file begins at the wrong offset",
    source: 'TransmitFile(), "lpOverlapped": a 64-bit offset within the file',
    changes: [{
      file: "windows/send_file.c",
      from: "  uint64_t offset = copy->file_offset + copy->offset;",
      to: "  uint64_t offset = copy->offset;",
    }],
  },
  {
    group: "files",
    name: "the high half of an offset in a file is lost",
    source: "TransmitFile(), OffsetHigh; dotnet/runtime #42534",
    changes: [{
      file: "windows/send_file.c",
      from: "  overlapped->OffsetHigh = (DWORD)(offset >> 32);\n",
      to: "",
    }],
  },
  {
    group: "files",
    name: "a second read of a file begins at the first one's offset",
    source: "ReadFile(): fewer bytes than were requested",
    changes: [{
      file: "windows/file.c",
      from: "    OVERLAPPED at = {.Offset = (DWORD)(offset + done),",
      to: "    OVERLAPPED at = {.Offset = (DWORD)offset,",
    }],
  },
  {
    group: "files",
    name: "a file is transmitted behind sends that are pending",
    source: "TransmitFile() does not say in which order they are sent",
    changes: [{
      file: "windows/send.c",
      from:
        "      else if (copy->file != NULL && socket->engine.sends_in_flight != 0)\n        return;\n",
      to: "",
    }],
  },
  {
    group: "files",
    name: "sends are posted behind a file that is being transmitted",
    source: "TransmitFile() does not say in which order they are sent",
    changes: [{
      file: "windows/send.c",
      from: "    if (copy->file != NULL && op->in_flight) return;\n",
      to: "",
    }],
  },
  {
    group: "files",
    name: "a client edition transmits files",
    source: "golang/go #73746: only two at a time, of all programs",
    changes: [{
      file: "windows/winsock.c",
      from: "         version.wProductType == VER_NT_WORKSTATION;",
      to: "         version.wProductType == 0;",
    }],
  },
  {
    group: "files",
    name: "a port leaves its files open",
    source: "a program that ends a Worker while files are being sent",
    changes: [{
      file: "port.c",
      from: "  file_table_close(&port->files);\n",
      to: "",
    }],
  },
  {
    group: "watching",
    name: "the shortest round trip is reported as the present one",
    source: "TCP_INFO_v0: RttUs and MinRttUs",
    changes: [{
      file: "windows/tcp_info.c",
      from: "      .rtt_us = info.RttUs,",
      to: "      .rtt_us = info.MinRttUs / 2,",
    }],
  },
  {
    group: "watching",
    name: "a pipe is asked for what TCP knows of it",
    source: "WSAIoctl(): a handle that is no socket is WSAENOTSOCK",
    changes: [{
      file: "api_query.c",
      from:
        "  if (socket_is_local(socket)) return port_fail(socket->port, -IOCP_ENOTSUP, 0);\n  struct iocp_tcp_info now;",
      to: "  struct iocp_tcp_info now;",
    }],
  },
  {
    group: "watching",
    name: "a later version of TCP_INFO is asked for without room for it",
    source: "SIO_TCP_INFO: 1 is TCP_INFO_v1, which has further fields",
    changes: [{
      file: "windows/tcp_info.c",
      from: "  DWORD version = 0;",
      to: "  DWORD version = 1;",
    }],
  },
  {
    group: "watching",
    name: "a handle that a failed send has closed is asked for what TCP knows",
    source:
      "the simulation: WSAENOTSOCK in the place of the connection's error",
    changes: [{
      file: "windows/tcp_info.c",
      from: "return handle_fail(socket);",
      to: "return port_fail(socket->port, -IOCP_ENOTSOCK, WSAGetLastError());",
    }],
  },
  {
    group: "shares",
    name: "the connections of a part that is closed are leaked",
    source: "a Worker that is terminated with connections on the way to it",
    changes: [{
      file: "share.c",
      from: "    share_queue_return(link);\n    if (share->is_over)",
      to: "    if (share->is_over)",
    }],
  },
  {
    group: "shares",
    name: "the rest of a part is discarded when its share is over",
    source: "found by the simulation: the other parts could still take it",
    changes: [{
      file: "share_queue.c",
      from: "  share_queue_assign(share, UINT32_MAX);\n  list_move(lost",
      to: "  list_move(lost",
    }],
  },
  {
    group: "shares",
    name: "a part that was given a connection is not woken",
    source: "golang/go #13135 and others: a waiter that is not woken",
    changes: [{
      file: "share_queue.c",
      from: "    if (part->waiting++ == 0) share_queue_announce(part);",
      to: "    if (part->waiting++ == 0) part->is_due = true;",
    }],
  },
  {
    group: "shares",
    name: "a listener that found no room is not woken when there is some",
    source: "a producer that waits for a full queue",
    changes: [{
      file: "share_queue.c",
      from: "    link->lacks_room = false;\n    share_queue_announce(link);",
      to: "    link->lacks_room = false;",
    }],
  },
  {
    group: "shares",
    name: "a connection is counted twice",
    source: "its listener hands it out, and its part reports it",
    changes: [{
      file: "listener.c",
      from: "  share_give(listener, socket);\n",
      to: "  share_give(listener, socket);\n  listener->stats.accepted++;\n",
    }],
  },
  {
    group: "shares",
    name: "a connection that cannot be added now is dropped",
    source: "found by the simulation: memory may be short for a moment",
    changes: [{
      file: "share_part.c",
      from: "  if (share_part__is_short(result)) {",
      to: "  if (share_part__is_short(result) && conn == NULL) {",
    }],
  },
  {
    group: "shares",
    name: "the number of a share comes again",
    source: "a Worker that has it from a listener which is closed",
    changes: [{
      file: "share_table.c",
      from: "((before + SHARE_TABLE__GENERATION) & INT32_MAX) | i",
      to: "(before & INT32_MAX) | i",
    }],
  },
  {
    group: "shares",
    name: "a share that is over takes new parts",
    source: "a Worker that begins while the listener is closed",
    changes: [{
      file: "share_part.c",
      from:
        "  if (share != NULL && !share->is_over) {\n    link->share = share;\n    list_push(&share->parts",
      to:
        "  if (share != NULL) {\n    link->share = share;\n    list_push(&share->parts",
    }],
  },
  {
    group: "shares",
    name: "the parts of a share that is over are not woken",
    source: "a loop of a Worker that never ends",
    changes: [{
      file: "share_queue.c",
      from:
        "    share_queue_announce(LIST_ENTRY(node, struct share_link, node));\n}",
      to: "    (void)LIST_ENTRY(node, struct share_link, node);\n}",
    }],
  },
  {
    group: "shares",
    name: "a part that accepts nothing keeps what it was given",
    source: "a Worker that has reached its maxConnections",
    changes: [{
      file: "share_part.c",
      from: "  if (!link->takes) share_queue_pause(link);\n",
      to:
        "  if (!link->takes && link->waiting > IOCP_SHARES_MAX)\n    share_queue_pause(link);\n",
    }],
  },
  {
    group: "progress",
    name: "a port does not say when it retries",
    source: "found by the simulation: waits that are shorter than the pause",
    changes: [{
      file: "windows/queue.c",
      from: "{ return retry_next_ms(port); }",
      to: "{ return retry_next_ms(port) < 0 ? -1 : -1; }",
    }],
  },
  {
    group: "progress",
    name: "a port with timers is to be polled at once",
    source: "a loop that takes a whole core while a connection is idle",
    changes: [{
      file: "timers.c",
      from: "    return at_ms > now_ms ? (int32_t)(at_ms - now_ms) : 0;",
      to: "    return at_ms > now_ms + 5000 ? (int32_t)(at_ms - now_ms) : 0;",
    }],
  },
  {
    group: "progress",
    name: "a port with timers names no deadline",
    source: "a timer that only another event of the port lets run",
    changes: [{
      file: "poller.c",
      from: "  if (port->timers.count == 0) return engine_ms;",
      to: "  if (port->timers.count < 2) return engine_ms;",
    }],
  },
  {
    group: "progress",
    name: "a listener watches its accepts in every tick, whatever for",
    source: "a timer that is armed again although nothing waits for it",
    changes: [{
      file: "listener.c",
      from:
        "  uint32_t delay_ms = listener->is_part ? 0 : engine_watch_ms(listener);",
      to:
        "  uint32_t delay_ms = listener->is_part ? 0 : 1 + engine_watch_ms(listener) % 1;",
    }],
  },
  {
    group: "progress",
    name: "retries that are over go on to shorten waits",
    source:
      "a loop that polls fifty times in a second for the rest of its life",
    changes: [{
      file: "windows/retry.c",
      from:
        "  list_move(todo, &engine->retries);\n  atomic_store(&engine->has_retries, false);",
      to: "  list_move(todo, &engine->retries);",
    }],
  },
  {
    group: "progress",
    name: "a poll asks the empty queue again and again",
    source:
      "system calls that no completion needs, in every round of an idle loop",
    changes: [{
      file: "windows/queue.c",
      from: `    queue__packets(port, engine->batch, count);
  queue__retry(port);`,
      to: `    queue__packets(port, engine->batch, count);
  for (int i = 0; i < 40 && count == 0; i++)
    if (GetQueuedCompletionStatusEx(
            engine->handle, engine->batch, ENGINE_BATCH, &count, 0, FALSE))
      queue__packets(port, engine->batch, count);
  queue__retry(port);`,
    }],
  },
  {
    group: "counters",
    name: "the room of a short receive stays counted as posted",
    source: "iocp_option.h, RECEIVE_DEPTH: receives posted at a time",
    changes: [{
      file: "windows/receive_list.c",
      from:
        "  receive->socket->engine.receive_bytes -= receive->size - bytes;\n",
      to: "",
    }],
  },
  {
    group: "counters",
    name: "more receives are posted than the credit allows",
    source: "iocp_receive(): without credit, data stays in the kernel",
    changes: [{
      file: "windows/receive.c",
      from:
        "engine->receive_count < socket->receive_depth &&\n         engine->receive_bytes < bytes) {",
      to: "engine->receive_count < socket->receive_depth) {",
    }, {
      file: "windows/receive.c",
      from: "uint32_t left = bytes - engine->receive_bytes;",
      to: "uint32_t left = bytes;",
    }],
  },
  {
    group: "counters",
    name: "a receive is larger than the credit",
    source: "iocp_receive(): without credit, data stays in the kernel",
    changes: [{
      file: "windows/receive.c",
      from: "left < size ? left : size",
      to: "left < size ? size : size",
    }],
  },
  {
    group: "counters",
    name: "sends do not count as operations",
    source: "iocp_socket_stats(): operations in flight",
    changes: [{
      file: "windows/handle.c",
      from: "(double)engine->receives_in_flight + engine->sends_in_flight +",
      to: "(double)engine->receives_in_flight +",
    }],
  },
  {
    group: "counters",
    name: "bytes that were received count as posted",
    source: "iocp_socket_stats(): buffers of receives in flight",
    changes: [{
      file: "windows/receive_list.c",
      from: "    if (receive->is_completed == is_completed)\n",
      to: "    if (receive->is_completed == is_completed || !is_completed)\n",
    }],
  },
  {
    group: "counters",
    name: "a slow consumer does not stop the accept pool",
    source: "iocp_accept(): how many accepts are posted at a time",
    changes: [{
      file: "windows/accept.c",
      from: "  while (engine->accepts_posted + engine->accepted_count <\n",
      to: "  while (engine->accepts_posted <\n",
    }],
  },
  {
    group: "counters",
    name: "a slow consumer does not stop the instances of a pipe",
    source:
      "iocp_option.h, BACKLOG: a pipe holds as many as accepts are posted",
    changes: [{
      file: "windows/pipe_accept.c",
      from:
        "  return listener->engine.accepts_posted + listener->engine.accepted_count;",
      to: "  return listener->engine.accepts_posted;",
    }],
  },
  {
    group: "retries",
    name: "waits are cut short for a retry that was canceled",
    source: "iocp_wait(): until there is something to deliver",
    changes: [{
      file: "windows/retry.c",
      from:
        "  if (list_is_empty(&engine->retries))\n    atomic_store(&engine->has_retries, false);",
      to: "  (void)engine;",
    }],
  },
  {
    group: "retries",
    name: "waits are cut short for retries that have been made",
    source: "iocp_wait(): until there is something to deliver",
    changes: [{
      file: "windows/retry.c",
      from:
        "  list_move(todo, &engine->retries);\n  atomic_store(&engine->has_retries, false);",
      to: "  list_move(todo, &engine->retries);",
    }],
  },
  {
    group: "reasons",
    name: "a refusal is reported as a reset",
    source: "[MS-ERREF], STATUS_CONNECTION_REFUSED",
    changes: [{
      file: "windows/errors.c",
      from: "    {0xC0000236u, IOCP_ECONNREFUSED},",
      to: "    {0xC0000236u, IOCP_ECONNRESET},",
    }],
  },
  {
    group: "reasons",
    name: "a connect that timed out is reported as unreachable",
    source: "[MS-ERREF], STATUS_IO_TIMEOUT",
    changes: [{
      file: "windows/errors.c",
      from: "    {0xC00000B5u, IOCP_ETIMEDOUT},",
      to: "    {0xC00000B5u, IOCP_EHOSTUNREACH},",
    }],
  },
  {
    group: "reasons",
    name: "a reset is reported as a timeout",
    source: '"Windows Sockets Error Codes", WSAECONNRESET',
    changes: [{
      file: "windows/errors.c",
      from: "    {WSAECONNRESET, IOCP_ECONNRESET},",
      to: "    {WSAECONNRESET, IOCP_ETIMEDOUT},",
    }],
  },
  {
    group: "reasons",
    name: "a host that cannot be reached is reported as a timeout",
    source: "[MS-ERREF], STATUS_HOST_UNREACHABLE",
    changes: [{
      file: "windows/errors.c",
      from: "    {0xC000023Du, IOCP_EHOSTUNREACH},",
      to: "    {0xC000023Du, IOCP_ETIMEDOUT},",
    }],
  },
  {
    group: "reasons",
    name: "too many descriptors are reported as too little memory",
    source: '"Windows Sockets Error Codes", WSAEMFILE',
    changes: [{
      file: "windows/errors.c",
      from: "    {WSAEMFILE, IOCP_EMFILE},",
      to: "    {WSAEMFILE, IOCP_ENOBUFS},",
    }],
  },
  {
    group: "reasons",
    name: "a connect that finds no free port is refused one in use",
    source: "connect(2), EADDRNOTAVAIL",
    changes: [{
      file: "windows/connect.c",
      from: "  return error == -IOCP_EADDRINUSE ? -IOCP_EADDRNOTAVAIL : error;",
      to: "  return error;",
    }],
  },
  {
    group: "reasons",
    name: "a record with an error has no number of the system",
    source: "iocp.h, struct iocp_record: detail",
    changes: [{
      file: "poller.c",
      from: "result, socket_detail(socket, result));",
      to: "result, result < 0 ? 0 : 0);",
    }],
  },
  {
    group: "reasons",
    name: "a call that the library refuses has a number of the system",
    source: "iocp_native_error(): 0: the error is the library's",
    changes: [{
      file: "receiver.c",
      from:
        "  if (socket->receive_ended) return port_fail(port, -IOCP_ESHUTDOWN, 0);",
      to:
        "  if (socket->receive_ended) return port_fail(port, -IOCP_ESHUTDOWN, 1);",
    }],
  },
  {
    group: "found",
    name: "a shutdown after an error has no number of the system",
    source: "found by the simulation; iocp.h, struct iocp_record: detail",
    changes: [{
      file: "sender.c",
      from:
        "  socket->shut_result = socket->error;\n  socket->detail = socket->error_native;\n",
      to: "  socket->shut_result = socket->error;\n",
    }],
  },
  {
    group: "found",
    name: "what a close has canceled has the number of an earlier failure",
    source: "found by the simulation; iocp.h, struct iocp_record: detail",
    changes: [{
      file: "socket.c",
      from: "  return result < 0 && !is_canceled ? socket->detail : 0;",
      to: "  return result < 0 || is_canceled ? socket->detail : 0;",
    }],
  },
  {
    group: "found",
    name: "two sends that fail have the number of the later one",
    source: "found by the simulation; iocp.h, struct iocp_record: detail",
    changes: [{
      file: "sender.c",
      from: "copy->result < 0 ? copy->native : 0);",
      to: "copy->result < 0 ? socket->detail : 0);",
    }, {
      file: "datagram_sender.c",
      from: "    copy->native = native;",
      to: "    copy->socket->detail = native;",
    }],
  },
  {
    group: "found",
    name: "a refused detach has the number of an earlier failure",
    source: "found by the simulation; iocp_native_error()",
    changes: [{
      file: "close.c",
      from: "result == socket->error ? socket->error_native : 0;",
      to: "socket->error_native;",
    }],
  },
  {
    group: "found",
    name: "a close times out although its last send has failed",
    source:
      "found by the simulation; iocp_close(): the error of the connection",
    changes: [{
      file: "close.c",
      from:
        "  if (socket->close_phase == CLOSE_DRAINING && !close__drains(socket)) {",
      to:
        "  if (socket->close_phase == CLOSE_DONE && !close__drains(socket)) {",
    }],
  },
  {
    group: "first byte",
    name: "a peer that has sent in the last moment is reset",
    source:
      "iocp_option.h, FIRST_BYTE_TIMEOUT: that a connection has to receive",
    changes: [{
      file: "first_byte.c",
      from: "  return has_data == 0;",
      to: "  return has_data <= 1;",
    }],
  },
  {
    group: "first byte",
    name: "a peer that has sent is timed on",
    source: "iocp_option.h, FIRST_BYTE_TIMEOUT: its first byte",
    changes: [{
      file: "first_byte.c",
      from:
        "  socket->awaits_first_byte = false;\n  timers_disarm(&socket->port->timers, socket);",
      to: "  socket->awaits_first_byte = false;",
    }],
  },
  {
    group: "hints",
    name: "a wait is not told that a poll has left something",
    source: "iocp_wait(): until iocp_poll() has something to deliver",
    changes: [{
      file: "socket.c",
      from:
        "    atomic_store_explicit(&port->ready_hint, true, memory_order_relaxed);\n",
      to: "",
    }],
  },
  {
    group: "hints",
    name: "a wait returns for what was delivered before",
    source: "iocp_wait(): until iocp_poll() has something to deliver",
    changes: [{
      file: "poller.c",
      from:
        "  atomic_store_explicit(&port->ready_hint, has_more, memory_order_relaxed);\n",
      to: "",
    }],
  },
  {
    group: "hints",
    name: "a poll does not say that it has left something",
    source: "iocp.h, IOCP_MORE",
    changes: [{
      file: "poller.c",
      from: "  if (is_full || has_more) header->flags",
      to: "  if (is_full) header->flags",
    }],
  },
  {
    group: "found",
    name: "a wheel of timers is turned back by a clock that was read before",
    source:
      "found by the simulation: in the first four seconds of the system no deadline came any more",
    changes: [{
      file: "timers.c",
      from: "timers->count == 0 || now <= timers->tick",
      to: "timers->count == 0",
    }],
  },
  {
    group: "refusals",
    name: "a stale id leaves the number of an earlier error",
    source: "iocp_native_error(): 0: the error is the library's",
    changes: [{
      file: "find.c",
      from: "  if (socket == NULL) *error = port_fail(port, -IOCP_EBADF, 0);",
      to: "  if (socket == NULL) *error = -IOCP_EBADF;",
    }],
  },
  {
    group: "refusals",
    name: "a membership is left with a number that is no switch",
    source: "iocp_membership(): `joins` is 1, or 0",
    changes: [{
      file: "api_datagram.c",
      from:
        "  if (joins > 1) return port_fail(socket->port, -IOCP_EINVAL, 0);\n",
      to: "",
    }],
  },
  {
    group: "refusals",
    name: "an accept of too many is refused with another error",
    source: "iocp_accept(): 0 to IOCP_ACCEPT_MAX; iocp_error.h, EINVAL",
    changes: [{
      file: "api.c",
      from:
        "count > IOCP_ACCEPT_MAX)\n    return port_fail(listener->port, -IOCP_EINVAL, 0);",
      to:
        "count > IOCP_ACCEPT_MAX)\n    return port_fail(listener->port, -IOCP_EBUSY, 0);",
    }],
  },
  {
    group: "refusals",
    name: "a credit that is refused is given all the same",
    source: "iocp_receive(): -IOCP_EBUSY while an IOCP_READABLE is pending",
    changes: [{
      file: "receiver.c",
      from:
        "  if (socket->read_armed) return port_fail(port, -IOCP_EBUSY, 0);\n  /* With",
      to:
        "  if (socket->read_armed) {\n    socket_ready(socket, READY_RECEIVE);\n    socket->credit += bytes;\n    return port_fail(port, -IOCP_EBUSY, 0);\n  }\n  /* With",
    }],
  },
  {
    group: "refusals",
    name: "a refused option keeps the wrong value",
    source:
      "iocp_set_option(): -IOCP_EINVAL when the value is out of its bounds",
    changes: [{
      file: "option.c",
      from: "  if (row == NULL || value < row->min || value > row->max)",
      to:
        "  if (row != NULL && option == IOCP_RECEIVE_DEPTH)\n    socket->receive_depth = (uint16_t)value;\n  if (row == NULL || value < row->min || value > row->max)",
    }],
  },
  {
    group: "refusals",
    name: "a refused question for an address writes what has room",
    source: "iocp_get_address(): -IOCP_EINVAL when `capacity` is smaller",
    changes: [{
      file: "api_query.c",
      from: "  if (capacity < (uint32_t)size)\n",
      to:
        "  if (capacity < (uint32_t)size) memory_copy(address, &at, capacity);\n  if (capacity < (uint32_t)size)\n",
    }],
  },
  {
    group: "numbers",
    name: "two rows of the errors of Winsock are exchanged",
    source: "Windows Sockets Error Codes, WSAENETDOWN and WSAENETUNREACH",
    changes: [{
      file: "windows/errors.c",
      from:
        "    {WSAENETDOWN, IOCP_ENETDOWN},\n    {WSAENETUNREACH, IOCP_ENETUNREACH},",
      to:
        "    {WSAENETDOWN, IOCP_ENETUNREACH},\n    {WSAENETUNREACH, IOCP_ENETDOWN},",
    }],
  },
  {
    group: "numbers",
    name: "a status that is rare has another number",
    source: "[MS-ERREF], STATUS_HOPLIMIT_EXCEEDED",
    changes: [{
      file: "windows/errors.c",
      from: "{0xC000A013u, IOCP_ENOTSUP}",
      to: "{0xC000A014u, IOCP_ENOTSUP}",
    }],
  },
  {
    group: "numbers",
    name: "a switch of the system is read as it is stored",
    source: "iocp_option.h, 0 or 1; getsockopt(), remarks: a BOOL",
    changes: [{
      file: "option.c",
      from: "  return value > 0 && row->max == 1 ? 1 : value;",
      to: "  return value;",
    }],
  },
  {
    group: "numbers",
    name: "a group does not count what its sockets have posted",
    source: "iocp_group_stats(): a struct iocp_stats of the group's sockets",
    changes: [{
      file: "stats.c",
      from: "    engine_count_posted(socket, &now);\n",
      to: "",
    }],
  },
  {
    group: "numbers",
    name: "the numbers of closed groups are lost",
    source: "iocp_group_close(): the number may be used for another group",
    changes: [{
      file: "group.c",
      from:
        "  group->next_free = table->free_first;\n  table->free_first = number;\n}",
      to: "  table->free_first = number;\n}",
    }],
  },
  {
    group: "found",
    name: "a datagram that its socket cannot send is taken behind a copy",
    source:
      "found by the simulation: a wrong address was accepted, and failed later",
    changes: [{
      file: "api_datagram.c",
      from:
        "  if (family != socket->family && !is_mapped) return -IOCP_EAFNOSUPPORT;\n",
      to: "  (void)is_mapped;\n",
    }],
  },
  {
    group: "found",
    name: "an accept whose retry has failed is tried once more at once",
    source:
      "found by the simulation: each failure was counted twice, and the pauses grew twice as fast",
    changes: [{
      file: "listener.c",
      from:
        "    if (listener->accept_retry_ms == 0) socket_ready(listener, READY_ACCEPT);",
      to: "    socket_ready(listener, READY_ACCEPT);",
    }],
  },
  {
    group: "states",
    name: "a wait is not cut short for a retry",
    source: "iocp_wait(): until there is something to deliver",
    changes: [{
      file: "windows/queue.c",
      from:
        "  if (atomic_load(&engine->has_retries) && limit_ms > RETRY_MS) return RETRY_MS;\n",
      to: "  (void)engine;\n",
    }],
  },
  {
    group: "states",
    name: "a wait that is running is not ended for a retry",
    source:
      "iocp_wait(): a send is made while another thread waits without a limit",
    changes: [{
      file: "windows/retry.c",
      from:
        "  if (atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FILLING)\n    engine_wake(socket->port);\n",
      to: "",
    }],
  },
  {
    group: "states",
    name: "what was refused for want of memory is tried again in every poll",
    source: "retry.h: the pause before an operation is posted again",
    changes: [{
      file: "windows/retry.c",
      from:
        "list_is_empty(&engine->retries) || system_now_ms() < engine->retry_at_ms",
      to: "list_is_empty(&engine->retries)",
    }],
  },
  {
    group: "states",
    name: "a peer whose first bytes were read is timed on",
    source: "iocp_option.h, FIRST_BYTE_TIMEOUT: its first byte",
    changes: [{
      file: "receiver.c",
      from:
        "  first_byte_arrived(socket);\n  if (result <= 0) return receiver__end(socket, result);",
      to: "  if (result <= 0) return receiver__end(socket, result);",
    }],
  },
  {
    group: "states",
    name: "a silent peer that could not be asked about is never reset",
    source: "WSAPoll() may fail while the socket works",
    changes: [{
      file: "first_byte.c",
      from: "  if (has_data < 0) first_byte_expect(socket, TIMERS_TICK_MS);\n",
      to: "",
    }],
  },
  {
    group: "states",
    name: "a port with two deadlines names the later one",
    source: "iocp.h, struct iocp_header: timeout_ms",
    changes: [{
      file: "poller.c",
      from: "engine_ms < 0 || timer_ms < engine_ms",
      to: "engine_ms < 0 || timer_ms > engine_ms",
    }],
  },
  {
    group: "states",
    name: "the pause stays long after a connection was handed out",
    source: "iocp_accept(): accepting is retried until it succeeds",
    changes: [{
      file: "listener.c",
      from:
        "  share_give(listener, socket);\n  listener->accept_backoff_ms = 0;",
      to: "  share_give(listener, socket);",
    }],
  },
  {
    group: "states",
    name: "an accept that fails for long is tried a hundred times in a second",
    source: "iocp_accept(): accepting is retried until it succeeds",
    changes: [{
      file: "listener.c",
      from: "    listener->accept_backoff_ms *= 2;",
      to: "    listener->accept_backoff_ms *= 1;",
    }],
  },
  {
    group: "states",
    name: "the pause before an accept grows without end",
    source: "iocp_accept(): accepting is retried until it succeeds",
    changes: [{
      file: "listener.c",
      from:
        "} else if (listener->accept_backoff_ms < LISTENER__BACKOFF_MAX_MS) {",
      to: "} else {",
    }],
  },
  {
    group: "states",
    name: "the first pause before an accept is as long as the last",
    source: "iocp_accept(): accepting is retried until it succeeds",
    changes: [{
      file: "listener.c",
      from: "listener->accept_backoff_ms = LISTENER__BACKOFF_MIN_MS;",
      to: "listener->accept_backoff_ms = LISTENER__BACKOFF_MAX_MS;",
    }],
  },
  {
    group: "states",
    name: "a listener hands out more than its share has room for",
    source: "iocp_share.h, IOCP_SHARE_QUEUE_MAX",
    changes: [{
      file: "listener.c",
      from:
        "    if (listener->hands_out && !share_has_room(listener)) return false;\n",
      to: "    if (listener->hands_out) share_has_room(listener);\n",
    }],
  },
  {
    group: "states",
    name: "a part is given more than it may hold",
    source: "iocp_share.h, IOCP_SHARE_PART_MAX",
    changes: [{
      file: "share.c",
      from: "  share_queue_assign(share, IOCP_SHARE_PART_MAX);",
      to: "  share_queue_assign(share, UINT32_MAX);",
    }],
  },
  {
    group: "states",
    name: "the part that polls least is given the most",
    source: "iocp_share.h: the part that has the fewest connections",
    changes: [{
      file: "share_queue.c",
      from: "part->waiting < best->waiting",
      to: "part->waiting > best->waiting",
    }],
  },
  {
    group: "states",
    name: "the first part is given whatever comes to idle parts",
    source: "iocp_share.h: the one that has waited longest",
    changes: [{
      file: "share_queue.c",
      from:
        "    list_remove(&part->node);\n    list_push(&share->parts, &part->node);\n  }",
      to: "  }",
    }],
  },
  {
    group: "states",
    name: "deadlines wait for the queue to be empty",
    source: "a port that is never idle; docs/architecture.md",
    changes: [{
      file: "poller.c",
      from:
        "if (port->full_polls % POLLER__FULL_MAX == 0) poller__timers(port);",
      to: "if (port->full_polls == 0) poller__timers(port);",
    }],
  },
  {
    group: "states",
    name: "streams without room in the slab come last again",
    source: "a busy connection that starves the others",
    changes: [{
      file: "poller.c",
      from:
        "  list_move(&starved, &todo);\n  list_move(&starved, &port->ready);\n  list_move(&port->ready, &starved);",
      to:
        "  list_move(&port->ready, &todo);\n  list_move(&port->ready, &starved);",
    }],
  },
  {
    group: "states",
    name: "a close waits for the end of its peer as long as its timeout",
    source: "iocp_close(): at most IOCP_LINGER_MS",
    changes: [{
      file: "close.c",
      from: "  if (linger_ms > IOCP_LINGER_MS) linger_ms = IOCP_LINGER_MS;\n",
      to: "",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a port wakes for each failed send of a unix socket",
    source: "found by the simulation",
    changes: [{
      file: "linux/datagram_room.c",
      from: "  return poll(&entry, 1, 0) == 0;",
      to: "  return poll(&entry, 1, 0) >= 0;",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a close keeps what a unix socket has received",
    source: "found by the simulation",
    changes: [{
      file: "close.c",
      from: "      if (socket->is_datagram && socket->family == IOCP_UNIX)",
      to: "      if (socket->is_datagram && socket->family == 0)",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a failed send of a unix socket leaks what watches its receiver",
    source: "close(2)",
    changes: [{
      file: "linux/datagram_room.c",
      from: "  if (engine->watches_receiver) close(engine->receiver_fd);\n",
      to: "",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a short wait keeps an alarm that has expired",
    source: "timerfd_create(2)",
    changes: [{
      file: "linux/alarm.c",
      from: "    if (due_ns <= now_ns || due_ns > end_ns) {",
      to: "    if (due_ns == 0 || due_ns > end_ns) {",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a port that has dequeued once never dequeues again",
    source: "epoll_wait(2)",
    changes: [{
      file: "linux/queue.c",
      from: "  port->engine.is_dequeued = false;\n",
      to: "",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "an end that comes with data is not received",
    source: "epoll(7)",
    changes: [{
      file: "linux/queue.c",
      from: "  if ((events & QUEUE__HUNG_UP) != 0) engine->hung_up = true;\n",
      to: "",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a send copy waits for no room",
    source: "epoll_ctl(2), EPOLLOUT",
    changes: [{
      file: "linux/queue.c",
      from: "    engine_send_copies(socket);\n}",
      to: "    (void)0;\n}",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a receive that was interrupted fails",
    source: "signal(7)",
    changes: [{
      file: "posix/receive.c",
      from: "  } while (count < 0 && errno == EINTR);",
      to: "  } while (false);",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a receive that was cut at a message is taken for the last",
    source: "unix(7), SCM_RIGHTS",
    changes: [{
      file: "posix/receive.c",
      from: "  if ((uint32_t)count < length && !is_cut && !engine->hung_up)",
      to: "  if ((uint32_t)count < length && !engine->hung_up)",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a connection that was refused is taken for one that was made",
    source: "connect(2)",
    changes: [{
      file: "posix/connect.c",
      from:
        "  connector_done(socket, native == 0 ? 0 : errors_of_connect(native), native);",
      to: "  connector_done(socket, 0, native);",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a full batch of datagrams is taken for the last",
    source: "recvmmsg(2)",
    changes: [{
      file: "linux/datagram_receive.c",
      from:
        "  if ((uint32_t)count < batch.count) datagram_receive__idle(socket);",
      to: "  datagram_receive__idle(socket);",
    }],
  },
  {
    group: "linux",
    world: "linux",
    name: "a datagram that fills its slot continues nowhere",
    source: "recvmsg(2)",
    changes: [{
      file: "linux/datagram_receive.c",
      from: "  if (longest <= batch.slot)",
      to: "  if (longest <= batch.slot + 512)",
    }],
  },
];
