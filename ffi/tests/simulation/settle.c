/* SPDX-License-Identifier: MIT */
#include "settle.h"

#include <stddef.h>

#include "datagrams.h"
#include "guests.h"
#include "probes.h"
#include "progress.h"
#include "report.h"
#include "schedule.h"
#include "states.h"
#include "tape.h"
#include "user.h"

/* Everything possible has happened within this time. A real system runs other
 * programs too. */
#define SETTLE__LIMIT_MS 4500
#define SETTLE__LIMIT_REAL_MS 4000
/* A connection to our own listener, or one that will never be accepted, may not
 * be answered; it is closed after this time. */
#define SETTLE__PATIENCE_MS 300
#define SETTLE__PATIENCE_REAL_MS 20
#define SETTLE__REFUSED_MS 1000
#define SETTLE__SHORT_MS 30
#define SETTLE__SHORT_LIMIT_MS 1000
#define SETTLE__ACCEPTED_MS 3000
/* A backlog may be accepted one by one. */
#define SETTLE__QUIET_ROUNDS (LEDGER_GUESTS + 100)
/* Longer than anything takes that is tried again. */
#define SETTLE__QUIET_MS 100
#define SETTLE__OVERSLEEP_MS 200
#define SETTLE__OVERSLEEP_BYTES 200000
#define SETTLE__FLOOD 300
#define SETTLE__SLOW_MS 200
#define SETTLE__SLOW_BYTES 250000
#define SETTLE__SLOW_PART 1500
#define SETTLE__SLOW_PAUSE_MS 20
#define SETTLE__SLOW_ROUNDS 500
/* Of 1,000 schedules. */
#define SETTLE__ABSENCES 20
#define SETTLE__RETRIES 50
#define SETTLE__STALLS 200
#define SETTLE__RENAMES 1
#define SETTLE__GROUPS 100

static uint64_t settle__since_ms;
/* everything has been sent, and the FINs may follow */
static bool settle__sends_fins;
/* ports are polled only when that is due */
static bool settle__obeys;

static uint32_t settle__limit_ms(uint32_t exact_ms, uint32_t real_ms) {
  return world_is_exact() ? exact_ms : real_ms;
}

static uint64_t settle__spent_ms(void) {
  return world_now_ms() - settle__since_ms;
}

/* ---- which ends have something left to do */

/* Whether the other end takes part in the schedule. */
static bool settle__is_answered(const struct entry* entry) {
  return entry->end->other != NULL;
}

/* A detach or close waits for a peer that reads. If the other end does the
 * same, both wait for each other; guests read. */
static bool settle__is_stuck(const struct entry* entry) {
  if (!settle__is_answered(entry)) return true;
  if (!entry->end->other->is_library) return false;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* reader = &ledger.entries[i];
    if (reader->end == entry->end->other && !reader->is_closing &&
        !reader->is_closed)
      return false;
  }
  return true;
}

static bool settle__is_done_stream(const struct entry* entry) {
  if (entry->local == IOCP_PIPE)
    return entry->is_ended && entry->send_count == 0 && !entry->has_error;
  return entry->is_ended && entry->is_shut && !entry->is_shut_open &&
         entry->send_count == 0 && !entry->has_error;
}

/* A part ends by itself; and connections reach the parts. */
static bool settle__is_done_listener(const struct entry* entry) {
  const struct ledger_share* share = entry->share;
  if (share == NULL) return !entry->is_stopped;
  if (entry->is_part)
    return !entry->is_stopped && (!share->is_over || entry->target == 0);
  return !user_has_part(share) ||
         (!entry->is_stopped && !user_has_undelivered(share));
}

static bool settle__is_done(const struct entry* entry) {
  if (entry->is_closed) return true;
  if (entry->is_closing || entry->kind == ENTRY_CONNECTING) return false;
  if (entry->kind == ENTRY_LISTENER) return settle__is_done_listener(entry);
  if (entry->kind == ENTRY_DATAGRAM) return entry->send_count == 0;
  return settle__is_done_stream(entry);
}

/* Whether a guest has received everything. */
static bool settle__is_done_guest(const struct guest* guest) {
  if (guest->is_gone || !guest->is_open) return true;
  if (guest->end->other == NULL) return !user_must_reach(guest);
  return guest->end->has_ended;
}

/* Whether an entry has received what its peer has sent so far. That need not
 * arrive if either end is closed or closing. */
static bool settle__has_all(const struct entry* entry) {
  const struct end* end = entry->end;
  if (entry->is_closed || entry->is_closing || entry->kind != ENTRY_STREAM ||
      entry->is_failed || entry->is_ended || entry->has_error)
    return true;
  if (end->other == NULL || end->other->is_cut ||
      end->other->resets_from_ms != LEDGER_NEVER ||
      end->resets_from_ms != LEDGER_NEVER)
    return true;
  return end->received == end->other->sent && entry->send_count == 0;
}

static bool settle__all_moved(void) {
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (!settle__has_all(&ledger.entries[i])) return false;
  return true;
}

static bool settle__all_done(void) {
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (!settle__is_done(&ledger.entries[i])) return false;
  for (uint32_t i = 0; i < ledger.guest_count; i++)
    if (!settle__is_done_guest(&ledger.guests[i])) return false;
  return true;
}

/* ---- actions */

static bool settle__is_late(void) {
  return settle__spent_ms() >
         settle__limit_ms(SETTLE__PATIENCE_MS, SETTLE__PATIENCE_REAL_MS);
}

static void settle__connecting(struct entry* entry) {
  /* A listener of ours may have replaced a socket file that was left over, and
   * its backlog is full. */
  bool is_replaced = entry->local == IOCP_UNIX && entry->manner == PEER_REFUSES;
  bool must_end =
      entry->is_to_guest && !is_replaced && entry->manner != PEER_NEVER_ANSWERS;
  if (!must_end && settle__is_late()) user_close(entry, IOCP_RESET, 0);
}

/* The ends of a local connection find each other by their first bytes. */
static bool settle__sends_hello(const struct entry* entry) {
  return entry->end->sent == 0 && entry->send_count == 0 && !entry->is_shut &&
         !entry->was_shut && !entry->end->has_fin;
}

/* A pipe has no half-close: one of its ends is closed. Guests close theirs when
 * they have received everything; of two ends of the library, the client's. */
static void settle__end_pipe(struct entry* entry) {
  if (!settle__sends_fins || entry->is_ended || !settle__is_answered(entry))
    return;
  const struct end* other = entry->end->other;
  if (other->is_library && !entry->end->is_server)
    user_close(entry, IOCP_GRACEFUL, 1000);
}

static void settle__stream(struct entry* entry) {
  if (entry->is_failed || (!settle__is_answered(entry) && settle__is_late())) {
    user_close(entry, IOCP_RESET, 0);
    return;
  }
  /* Nothing more can be sent, and the peer must be informed. */
  if (entry->has_error) {
    user_close(entry, IOCP_GRACEFUL, 1000);
    return;
  }
  if (!entry->is_ended && entry->credit == 0 && !entry->is_read_armed)
    user_receive(entry, 1 << 20);
  if (entry->local != 0 && settle__sends_hello(entry)) user_send(entry, 1);
  if (entry->local == IOCP_PIPE)
    settle__end_pipe(entry);
  else if (!entry->is_shut && settle__sends_fins)
    user_shutdown(entry);
}

static void settle__entry(struct entry* entry) {
  if (settle__is_done(entry)) return;
  if (entry->is_closing) {
    if (entry->end != NULL && settle__is_stuck(entry) && settle__is_late())
      user_close(entry, IOCP_RESET, 0);
    return;
  }
  if (entry->kind == ENTRY_CONNECTING)
    settle__connecting(entry);
  else if (entry->kind == ENTRY_STREAM)
    settle__stream(entry);
  else if (entry->kind == ENTRY_LISTENER && entry->is_stopped &&
           user_is_drained(entry))
    user_close(entry, IOCP_GRACEFUL, 1000);
}

static bool settle__guest_ends_pipe(struct guest* guest) {
  const struct end* end = guest->end;
  if (end->local != IOCP_PIPE) return false;
  if (settle__sends_fins && !guest->is_gone && end->other != NULL &&
      end->received == end->other->sent)
    guest_close(guest);
  return true;
}

static void settle__guests(void) {
  guests_read_all();
  for (uint32_t i = 0; i < ledger.guest_count; i++) {
    struct guest* guest = &ledger.guests[i];
    if (!guest->is_open || guest->is_gone) continue;
    if (guest->end->local != 0 && guest->end->sent == 0 && !guest->has_fin)
      guest_send(guest, 1);
    if (!settle__guest_ends_pipe(guest) && settle__sends_fins &&
        !guest->has_fin)
      guest_shutdown(guest);
  }
}

/* Detached handles are adopted or closed; otherwise their peers would wait for
 * ever. */
static void settle__loose(void) {
  uint32_t port = user_choose_port();
  if (ledger.loose_count + ledger.passed_count != 0) progress_called();
  user_take_all();
  if (ledger.loose_count != 0 && port != LEDGER_PORTS && tape_choose(2) == 0)
    user_add_loose(port);
  while (ledger.loose_count != 0) user_close_loose();
}

static void settle__turn(void) {
  uint64_t records = 0;
  settle__loose();
  settle__guests();
  datagrams_receive_all();
  user_drain_unix();
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    settle__entry(&ledger.entries[i]);
  for (uint32_t i = 0; i < ledger.port_count; i++) {
    if (!ledger.ports[i].is_open) continue;
    if (settle__obeys && !progress_is_due(i)) continue;
    records -= ledger.ports[i].records;
    user_poll(i);
    records += ledger.ports[i].records;
  }
  if (records != 0) {
    progress_began();
    return;
  }
  progress_check();
  bool has_waited = false;
  for (uint32_t i = 0; i < ledger.port_count; i++) {
    if (!ledger.ports[i].is_open || ledger.ports[i].is_watched) continue;
    user_wait(i, 2);
    has_waited = true;
  }
  if (!has_waited) world_pause(1);
}

/* ---- what must have happened by now */

static void settle__check_entry(const struct entry* entry) {
  if (settle__is_done(entry)) return;
  if (entry->is_closing)
    report_violation(
        "a close completes in time", "socket %d.%d", entry->port, entry->id);
  if (entry->kind == ENTRY_CONNECTING)
    report_violation(
        "a connect completes in time", "socket %d.%d", entry->port, entry->id);
  if (entry->kind == ENTRY_LISTENER && !entry->is_stopped)
    report_violation(entry->is_part
                         ? "a part ends when its share is over"
                         : "what a listener hands out reaches a part in time",
                     "listener %d.%d",
                     entry->port,
                     entry->id);
  if (entry->kind == ENTRY_LISTENER)
    report_violation("a listener that was stopped gives back its accepts",
                     "listener %d.%d",
                     entry->port,
                     entry->id);
  RULE("a pending send completes when its peer reads", entry->send_count == 0);
  if (entry->kind == ENTRY_DATAGRAM) return;
  RULE("a shutdown completes in time", !entry->is_shut_open);
  if (!entry->is_ended)
    report_violation("what a peer has sent is received in time",
                     "socket %d.%d, %u bytes may come, end %d",
                     entry->port,
                     entry->id,
                     entry->credit,
                     (int)(entry->end - ledger.ends));
}

static void settle__check(void) {
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    settle__check_entry(&ledger.entries[i]);
  for (uint32_t i = 0; i < ledger.guest_count; i++)
    if (!settle__is_done_guest(&ledger.guests[i]))
      report_violation("what was sent arrives at a peer in time, and its FIN",
                       "guest %u",
                       i);
}

static void settle__check_refused(void) {
  if (settle__spent_ms() <= settle__limit_ms(SETTLE__REFUSED_MS, 5000)) return;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    RULE("a refusal on this machine takes no time",
         !world_refuses_at_once() || entry->is_closed ||
             entry->kind != ENTRY_CONNECTING || !entry->is_to_guest ||
             entry->manner != PEER_REFUSES);
  }
}

static void settle__check_moved(void) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (!settle__has_all(entry))
      report_violation("what was sent arrives in time, without a FIN behind it",
                       "socket %d.%d has %llu of %llu bytes, %u sends pending",
                       entry->port,
                       entry->id,
                       (unsigned long long)entry->end->received,
                       (unsigned long long)entry->end->other->sent,
                       entry->send_count);
  }
}

/* Continues until all is done, or the time is over: then `check` reports what
 * is not. */
static void settle__run(bool (*is_done)(void), void (*check)(void)) {
  settle__since_ms = world_now_ms();
  progress_began();
  /* What was done before may be due. */
  progress_called();
  do {
    settle__turn();
    settle__check_refused();
    if (settle__spent_ms() >
        settle__limit_ms(SETTLE__LIMIT_MS, SETTLE__LIMIT_REAL_MS))
      check();
  } while (!is_done());
}

/* First without FINs: a FIN is an event of its own, and would hide an event
 * that was lost before it. */
static void settle__move(void) {
  settle__sends_fins = false;
  settle__run(settle__all_moved, settle__check_moved);
}

static bool settle__all_expired(void) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->is_closing && !entry->is_closed && entry->end != NULL &&
        entry->close_timeout_ms <= SETTLE__SHORT_MS)
      return false;
  }
  return true;
}

/* A close with a short timeout ends without its peer. */
static void settle__expire(void) {
  settle__since_ms = world_now_ms();
  while (!settle__all_expired()) {
    RULE("a close ends when its time is over",
         settle__spent_ms() <=
             settle__limit_ms(SETTLE__SHORT_LIMIT_MS, SETTLE__LIMIT_REAL_MS));
    for (uint32_t i = 0; i < ledger.port_count; i++)
      if (ledger.ports[i].is_open) user_poll(i);
    world_pause(1);
  }
}

static void settle__finish(void) {
  settle__sends_fins = true;
  settle__run(settle__all_done, settle__check);
}

/* ---- a port that is polled late */

static bool settle__can_send(const struct entry* entry) {
  return entry->kind == ENTRY_STREAM && !entry->is_closing &&
         !entry->is_closed && !entry->is_failed && !entry->has_error &&
         !entry->may_expire && !entry->is_shut && !entry->was_shut &&
         entry->send_count == 0 && entry->end->resets_from_ms == LEDGER_NEVER;
}

/* Queues more completions than one call dequeues. */
static void settle__flood(uint32_t port) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->port != port || entry->kind != ENTRY_LISTENER ||
        entry->is_closing || entry->is_closed)
      continue;
    user_accept(entry, SETTLE__FLOOD);
    user_close(entry, IOCP_RESET, 0);
    return;
  }
}

/* What a close waits for has happened in time, but the port is polled only
 * after its deadline. */
static void settle__oversleep(struct entry* entry) {
  if (!settle__can_send(entry)) return;
  struct guest* guest = guests_of(entry);
  if (guest == NULL) return;
  user_send(entry, SETTLE__OVERSLEEP_BYTES);
  user_close(entry, IOCP_GRACEFUL, SETTLE__OVERSLEEP_MS);
  if (tape_chance(250)) settle__flood(entry->port);
  for (uint32_t i = 0; i < SETTLE__OVERSLEEP_MS / 2; i++) {
    guests_read_all();
    if (guest->end->received == entry->end->sent) {
      entry->has_drained = true;
      break;
    }
    world_pause(1);
  }
  world_pause(2 * SETTLE__OVERSLEEP_MS);
  user_poll(entry->port);
}

/* ---- a slow peer */

/* The peer reads a little all the time, but too slowly for one send copy to
 * complete within the timeout of the close. */
static void settle__slow(struct entry* entry) {
  if (!settle__can_send(entry) || world_has_broken() || entry->local != 0 ||
      !world_reports_progress())
    return;
  struct guest* guest = guests_of(entry);
  if (guest == NULL) return;
  user_send(entry, SETTLE__SLOW_BYTES);
  user_close(entry, IOCP_GRACEFUL, SETTLE__SLOW_MS);
  for (uint32_t i = 0; i < SETTLE__SLOW_ROUNDS; i++) {
    guest_receive(guest, SETTLE__SLOW_PART);
    RULE("a close waits for a peer that reads slowly", !guest->end->met_reset);
    if (guest->end->has_ended) return;
    user_poll(entry->port);
    world_pause(SETTLE__SLOW_PAUSE_MS);
  }
}

/* ---- listeners */

/* A long time, but within what the port asks for. */
static int32_t settle__wait_ms(uint32_t port) {
  int32_t timeout_ms = ledger.ports[port].timeout_ms;
  return timeout_ms >= 0 && timeout_ms < 200 ? timeout_ms : 200;
}

/* The connections of one that hands out may come on any port. */
static void settle__poll_for(const struct entry* listener) {
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (ledger.ports[i].is_open &&
        (i == listener->port || listener->share != NULL))
      user_poll(i);
}

/* The first byte shows which connection is that of a guest. */
static void settle__receive_hello(const struct entry* listener) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->local == 0 || entry->kind != ENTRY_STREAM ||
        (entry->port != listener->port && listener->share == NULL) ||
        entry->is_closing || entry->is_closed || entry->end->other != NULL ||
        entry->is_ended || entry->is_failed || entry->credit != 0 ||
        entry->is_read_armed)
      continue;
    user_receive(entry, 1 << 20);
  }
}

/* A peer connects and sends at once, and must be reported; the backlog may have
 * many before it. */
static void settle__probe(struct entry* listener) {
  struct guest* guest = guests_connect(listener);
  if (guest == NULL) return;
  uint64_t since_ms = world_now_ms();
  uint32_t entry_count = ledger.entry_count;
  while (guest->end->other == NULL) {
    guests_look();
    if (ledger.entry_count != entry_count) {
      entry_count = ledger.entry_count;
      since_ms = world_now_ms();
    }
    /* Refused by a full backlog, it connects again. */
    if (guest->is_gone) {
      RULE("a listener that accepts can be reached",
           (world_refuses_when_full() || listener->local != 0) &&
               world_now_ms() - since_ms < SETTLE__ACCEPTED_MS);
      settle__poll_for(listener);
      world_pause(1);
      guest = guests_connect(listener);
      if (guest == NULL) return;
      continue;
    }
    if (guest->is_open && guest->is_silent) guest_send(guest, 1);
    if (listener->local != 0) settle__receive_hello(listener);
    settle__poll_for(listener);
    if (guest->end->other != NULL) return;
    RULE("a listener that accepts reports a peer that sends in time",
         world_now_ms() - since_ms < SETTLE__ACCEPTED_MS);
    /* Long enough to notice a wait that does not end. */
    if (ledger.ports[listener->port].is_watched || !guest->is_open)
      world_pause(1);
    else
      user_wait(listener->port, settle__wait_ms(listener->port));
  }
}

static uint32_t settle__open_guests(void) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < ledger.guest_count; i++)
    if (!ledger.guests[i].is_gone) count++;
  return count;
}

/* A peer connects that sends nothing, and must be reset. Others like it may be
 * ahead in the queue, each with its own timeout. */
static void settle__first_byte(struct entry* listener) {
  uint32_t limit_ms = 2 * listener->first_byte_ms + 250;
  if (listener->first_byte_ms > settle__limit_ms(1000, 40)) return;
  if (!world_is_exact()) limit_ms += 3000;
  struct guest* guest = guests_connect(listener);
  if (guest == NULL) return;
  uint64_t since_ms = world_now_ms();
  uint32_t left = settle__open_guests();
  while (!guest->is_gone) {
    guests_read_all();
    if (settle__open_guests() < left) since_ms = world_now_ms();
    left = settle__open_guests();
    user_poll(listener->port);
    if (guest->is_open && !guest->is_gone) guest_receive(guest, 1);
    RULE("a silent peer is closed in time",
         world_now_ms() - since_ms <= limit_ms);
    RULE("a silent peer is reset", !guest->end->has_ended);
    world_pause(1);
  }
}

/* Whether another open listener has the same port, at any address. */
static bool settle__has_rival(const struct entry* listener) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry != listener && entry->kind == ENTRY_LISTENER && !entry->is_part &&
        !entry->is_closed && entry->local == listener->local &&
        entry->path == listener->path &&
        entry->address.port == listener->address.port)
      return true;
  }
  return false;
}

/* A server restarts, and connections of its last run may still exist. */
static void settle__restart(void) {
  uint32_t count = ledger.entry_count;
  uint32_t port = user_choose_port();
  /* On a real system another program may have bound the port. */
  if (!world_is_exact() || port == LEDGER_PORTS || !tape_chance(300)) return;
  for (uint32_t i = 0; i < count; i++) {
    struct entry* former = &ledger.entries[i];
    if (former->kind != ENTRY_LISTENER || former->is_part ||
        !former->is_closed || former->local != 0 || settle__has_rival(former) ||
        !ledger_has_room())
      continue;
    struct entry* listener = user_listen_again(port, former);
    if (listener == NULL) continue;
    user_accept(listener, 2);
    settle__probe(listener);
    return;
  }
}

static void settle__listeners(void) {
  uint32_t count = ledger.entry_count;
  for (uint32_t i = 0; i < count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->kind != ENTRY_LISTENER || entry->is_closed || entry->target == 0)
      continue;
    if (entry->is_part ||
        (entry->share != NULL && !user_has_part(entry->share)))
      continue;
    /* Another listener at the same address may get the connections. */
    if (settle__has_rival(entry)) continue;
    if (entry->local != 0 && ledger.is_taken[entry->path]) continue;
    settle__probe(entry);
    if (entry->first_byte_ms != 0 && entry->local == 0)
      settle__first_byte(entry);
  }
}

/* ---- an idle port */

/* With nothing to do, a wait lasts for its whole timeout. */
static void settle__quiet(uint32_t port) {
  if (ledger.ports[port].is_watched) return;
  for (int i = 0; i < SETTLE__QUIET_ROUNDS; i++) {
    uint64_t records = ledger.ports[port].records;
    user_poll(port);
    if (user_wait(port, world_is_exact() ? SETTLE__QUIET_MS : 1) == 0 &&
        ledger.ports[port].records == records) {
      progress_check_deadline(port);
      return;
    }
  }
  report_violation(
      "a port that has nothing to do reports nothing", "port %u", port);
}

/* `chance` of 1,000 schedules try something with one of the sockets. */
static void settle__try(uint32_t chance, void (*probe)(struct entry* entry)) {
  if (world_is_exact() && ledger.entry_count != 0 && tape_chance(chance))
    probe(&ledger.entries[tape_choose(ledger.entry_count)]);
}

void settle_run(void) {
  settle__obeys = tape_chance(250);
  TRACE("---- calm%s", settle__obeys ? ", polls when due" : "");
  world_calm();
  ledger.is_settling = true;
  uint32_t port = user_choose_port();
  if (world_is_exact() && tape_chance(SETTLE__ABSENCES)) probe_absence();
  if (world_is_exact() && port != LEDGER_PORTS && tape_chance(SETTLE__RETRIES))
    probe_retries(port);
  settle__expire();
  settle__try(50, probe_receives);
  settle__move();
  settle__try(100, settle__oversleep);
  settle__try(30, settle__slow);
  settle__try(30, probe_discard);
  settle__try(30, probe_first_byte);
  ledger.is_calm = true;
  settle__finish();
  settle__listeners();
  user_probe_datagrams();
  if (!world_is_exact() && port != LEDGER_PORTS && ledger.ports[port].is_open &&
      tape_chance(SETTLE__STALLS))
    user_stall_unix(port);
  settle__restart();
  settle__finish();
  user_check_shares();
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (ledger.ports[i].is_open) settle__quiet(i);
  for (uint32_t i = 0; i < ledger.port_count && settle__obeys; i++)
    if (ledger.ports[i].is_open) progress_idle(i);
  if (world_is_exact() && tape_chance(SETTLE__RENAMES)) probe_ids();
  if (tape_chance(SETTLE__GROUPS)) probe_groups();
  states_visit();
}

void settle_close(void) {
  TRACE("---- close");
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->is_closed || entry->is_closing) continue;
    user_close(entry, tape_choose(2) == 0 ? IOCP_GRACEFUL : IOCP_RESET, 1000);
    /* It is closed in the same loop. */
    if (entry->kind == ENTRY_LISTENER && !entry->is_part && world_is_exact() &&
        entry->local == 0 && !settle__has_rival(entry) && ledger_has_room() &&
        tape_chance(100))
      user_listen_again(entry->port, entry);
  }
  settle__finish();
  user_check_shares();
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (ledger.ports[i].is_open)
      RULE("no closed socket is left", ledger_live(i) == 0);
}
