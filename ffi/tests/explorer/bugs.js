// Copyright the iocp authors. MIT license.

// Races, planted as those of ../model/bugs.js are: each is found in its scenario,
// by an order of threads with at most three preemptions, and by none without.

/** `{ name, scenario, changes: [{ file, from, to }] }`, below ffi/src. */
export const races = [
  {
    name: "a socket is added without the lock",
    scenario: "add_in_call",
    changes: [{
      file: "callbacks/callbacks.c",
      from: `  monitor_enter(&callbacks->monitor);
  struct callback_thread* thread = callbacks__enter(`,
      to: "  struct callback_thread* thread = callbacks__enter(",
    }, {
      file: "callbacks/callbacks.c",
      from: `!atomic_exchange(&thread->inbox_hint, true);
  monitor_leave(&callbacks->monitor);`,
      to: "!atomic_exchange(&thread->inbox_hint, true);",
    }],
  },
  {
    name: "a thread says that it has started before it has",
    scenario: "add_and_delete",
    changes: [{
      file: "callbacks/callback_thread.c",
      from: `  thread->port_id = port_id;
  thread->port = port_table_find(port_id, &error);
  thread->is_started = true;
  monitor_notify(&callbacks->monitor);`,
      to: `  monitor_notify(&callbacks->monitor);
  monitor_leave(&callbacks->monitor);
  monitor_enter(&callbacks->monitor);
  thread->port_id = port_id;
  thread->port = port_table_find(port_id, &error);
  thread->is_started = true;`,
    }],
  },
  {
    name: "a wait for a condition that ends for no reason is taken for its end",
    scenario: "add_and_delete",
    changes: [{
      file: "callbacks/callbacks.c",
      from: "  while (!thread->is_started) monitor_wait",
      to: "  if (!thread->is_started) monitor_wait",
    }],
  },
  {
    name: "the flag of an inbox is cleared after it was emptied",
    scenario: "add_twice_and_delete",
    changes: [{
      file: "callbacks/callback_thread.c",
      from: `  atomic_store(&thread->inbox_hint, false);
  list_move(&added, &thread->inbox);
  bool is_ending = callbacks->is_ending;
  monitor_leave(&callbacks->monitor);`,
      to: `  list_move(&added, &thread->inbox);
  bool is_ending = callbacks->is_ending;
  monitor_leave(&callbacks->monitor);
  atomic_store(&thread->inbox_hint, false);`,
    }],
  },
  {
    name: "threads are woken before they are told that they end",
    scenario: "add_and_delete",
    changes: [{
      file: "callbacks/callbacks.c",
      from: `  monitor_enter(&callbacks->monitor);
  callbacks->is_ending = true;`,
      to: `  for (uint32_t i = 0; i < callbacks->thread_count; i++)
    iocp_wake(callbacks->threads[i]->port_id);
  monitor_enter(&callbacks->monitor);
  callbacks->is_ending = true;`,
    }, {
      file: "callbacks/callbacks.c",
      from: `  for (uint32_t i = 0; i < callbacks->thread_count; i++)
    iocp_wake(callbacks->threads[i]->port_id);
  for`,
      to: "  for",
    }],
  },
  {
    name: "two locks are taken in two orders",
    scenario: "add_and_end",
    changes: [{
      file: "callbacks/callbacks.c",
      from: `  monitor_enter(&callbacks->monitor);
  struct callback_thread* thread = callbacks__enter(`,
      to: `  monitor_enter(&callbacks_other);
  monitor_enter(&callbacks->monitor);
  struct callback_thread* thread = callbacks__enter(`,
    }, {
      file: "callbacks/callbacks.c",
      from: `!atomic_exchange(&thread->inbox_hint, true);
  monitor_leave(&callbacks->monitor);`,
      to: `!atomic_exchange(&thread->inbox_hint, true);
  monitor_leave(&callbacks->monitor);
  monitor_leave(&callbacks_other);`,
    }, {
      file: "callbacks/callbacks.c",
      from: "/* ---- adding */",
      to: "struct monitor callbacks_other = MONITOR_INIT;",
    }, {
      file: "callbacks/callback_table.c",
      from: "void callback_table_remove(struct callback_socket* socket) {",
      to: `extern struct monitor callbacks_other;
void callback_table_remove(struct callback_socket* socket) {`,
    }, {
      file: "callbacks/callback_table.c",
      from: `  list_remove(&socket->bucket_node);
  socket->thread->socket_count--;`,
      to: `  monitor_enter(&callbacks_other);
  list_remove(&socket->bucket_node);
  socket->thread->socket_count--;
  monitor_leave(&callbacks_other);`,
    }],
  },
  {
    name: "a wake-up that the port's own thread has dequeued is lost",
    scenario: "wake_and_poll",
    changes: [{
      file: "windows/wake.c",
      from: "  if (atomic_load(&engine->wake_wanted) &&",
      to: "  if (false && atomic_load(&engine->wake_wanted) &&",
    }],
  },
  {
    name: "a wait looks for a wake-up before it says that it waits",
    scenario: "wake_and_poll",
    changes: [{
      file: "windows/queue.c",
      from: "  if (atomic_exchange(&engine->wake_wanted, false)) goto empty;",
      to: "  if (false) goto empty;",
    }, {
      file: "windows/queue.c",
      from: "  int state = ENGINE_HANDOVER_EMPTY;",
      to: `  int state = ENGINE_HANDOVER_EMPTY;
  if (atomic_exchange(&engine->wake_wanted, false)) return 1;`,
    }],
  },
  {
    name: "packets are handed over before they are counted",
    scenario: "park",
    changes: [{
      file: "windows/queue.c",
      from: `    engine->handover_count = count;
    atomic_store(&engine->wake_wanted, false);
    atomic_store(&engine->handover_state, ENGINE_HANDOVER_FULL);`,
      to: `    atomic_store(&engine->handover_state, ENGINE_HANDOVER_FULL);
    atomic_store(&engine->wake_wanted, false);
    engine->handover_count = count;`,
    }],
  },
  {
    name: "a port is used after its last reference was released",
    scenario: "delete_woken",
    changes: [{
      file: "port.c",
      from: `  int32_t result = engine_wake(port);
  port_table_release(id, port__destroy);
  return result;`,
      to: `  port_table_release(id, port__destroy);
  return engine_wake(port);`,
    }],
  },
  {
    name: "a listener says that it lacks room after it has left the lock",
    scenario: "hand_out",
    changes: [{
      file: "share.c",
      from: `  link->lacks_room = !has_room;
  share_table_leave();`,
      to: `  share_table_leave();
  link->lacks_room = !has_room;`,
    }],
  },
];
