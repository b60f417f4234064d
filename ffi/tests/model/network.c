/* SPDX-License-Identifier: MIT */
#include "network.h"

#include <stdlib.h>
#include <string.h>

#include "fiber.h"
#include "habits.h"
#include "listening.h"
#include "op.h"
#include "peer_pipe.h"
#include "report.h"
#include "sock.h"
#include "tape.h"
#include "transfer.h"
#include "udp.h"

#define NETWORK__FIRST_PORT 49152
#define NETWORK__WINDOW_MAX 65536
#define NETWORK__STALL_MAX_MS 4000
/* How long a connect waits for an answer (TcpMaxConnectRetrans). */
#define NETWORK__NO_ANSWER_MS 21000
/* How long the two further SYNs after a refusal take. */
#define NETWORK__REFUSAL_MS 2000
/* How long the end that has closed first stays in TIME_WAIT
 * (TcpTimedWaitDelay). */
#define NETWORK__TIME_WAIT_MS 120000

static struct {
  struct list_node links;
  struct list_node ended;
  uint16_t next_port;
} network;

void network_open(void) {
  list_open(&network.links);
  list_open(&network.ended);
  network.next_port = NETWORK__FIRST_PORT;
}

static void network__free(struct list_node* links) {
  while (!list_is_empty(links)) {
    struct link* link = LIST_ENTRY(list_shift(links), struct link, node);
    free(link->flows[0].bytes);
    free(link->flows[1].bytes);
    free(link);
  }
}

void network_close(void) {
  network__free(&network.links);
  network__free(&network.ended);
}

uint16_t network_new_port(void) { return network.next_port++; }

static bool network__is_same(const struct iocp_address* a,
                             const struct iocp_address* b) {
  return memcmp(a, b, sizeof *a) == 0;
}

static bool network__are_in(const struct list_node* links,
                            const struct iocp_address* from,
                            const struct iocp_address* to) {
  for (const struct list_node* node = links->next; node != links;
       node = node->next) {
    const struct link* link = LIST_ENTRY(node, struct link, node);
    if (network__is_same(&link->ends[0].name, from) &&
        network__is_same(&link->ends[1].name, to))
      return true;
  }
  return false;
}

bool network_has(const struct iocp_address* from,
                 const struct iocp_address* to) {
  return network__are_in(&network.links, from, to) ||
         network__are_in(&network.ended, from, to);
}

static bool network__meets(const struct iocp_address* at,
                           const struct iocp_address* address) {
  return at->port == address->port &&
         (at->family != address->family || address_is_any(address) ||
          address_is_any(at) || address_is_same(at, address));
}

static bool link__is_in_time_wait(const struct link* link, int end) {
  return link->has_fin && link->fin_first == end && !link->flows[0].rst_sent &&
         !link->flows[1].rst_sent &&
         fiber_now_ms() - link->ended_ms < NETWORK__TIME_WAIT_MS;
}

bool network_holds(const struct iocp_address* address, bool in_time_wait) {
  const struct list_node* lists[] = {&network.links, &network.ended};
  for (int i = 0; i < (in_time_wait ? 2 : 1); i++) {
    const struct list_node* list = lists[i];
    for (struct list_node* node = list->next; node != list; node = node->next) {
      const struct link* link = LIST_ENTRY(node, struct link, node);
      if (!link->is_exclusive || !network__meets(&link->ends[1].name, address))
        continue;
      if (i == 0 ? !link->ends[1].is_closed || in_time_wait
                 : link__is_in_time_wait(link, 1))
        return true;
    }
  }
  return false;
}

uint32_t network_own_ports(void) {
  uint32_t count = 0;
  for (struct list_node* node = network.links.next; node != &network.links;
       node = node->next)
    count += LIST_ENTRY(node, struct link, node)->has_own_port;
  for (struct list_node* node = network.ended.next; node != &network.ended;
       node = node->next) {
    const struct link* link = LIST_ENTRY(node, struct link, node);
    count += link->has_own_port && link__is_in_time_wait(link, 0);
  }
  return count;
}

struct link* network_call(const struct iocp_address* from,
                          const struct iocp_address* to) {
  struct link* link = calloc(1, sizeof *link);
  if (link == NULL) abort();
  link->window = habits.window;
  for (int i = 0; i < 2; i++) {
    struct end* end = &link->ends[i];
    end->link = link;
    end->other = &link->ends[!i];
    end->in = &link->flows[i];
    end->out = &link->flows[!i];
    end->name = i == 0 ? *from : *to;
    link->flows[i].hole = UINT64_MAX;
  }
  list_push(&network.links, &link->node);
  return link;
}

void network_widen(void) {
  habits.window = NETWORK__WINDOW_MAX;
  for (struct list_node* node = network.links.next; node != &network.links;
       node = node->next) {
    struct link* link = LIST_ENTRY(node, struct link, node);
    link->window = NETWORK__WINDOW_MAX;
    for (int i = 0; i < 2; i++)
      if (link->ends[i].sock != NULL) transfer_has_room(link->ends[i].sock);
  }
}

/* ---- for the owner of an end */

/* Bytes behind a gap cannot be received. The system has sent them, so this is
 * a violation of the library only if no RST follows. */
uint32_t end_readable(const struct end* end) {
  const struct flow* flow = end->in;
  uint64_t until = flow->hole < flow->arrived ? flow->hole : flow->arrived;
  return (uint32_t)(until - flow->received);
}

void end_drop(struct end* end) {
  if (end->out->hole == UINT64_MAX) end->out->hole = end->out->sent;
}

bool end_has_hole(const struct end* end) {
  return end->out->hole != UINT64_MAX && !end->out->rst_sent &&
         !end->in->rst_sent;
}

uint32_t end_room(const struct end* end) {
  const struct flow* flow = end->out;
  uint64_t held = flow->sent - flow->received;
  if (flow->fin_sent || flow->rst_sent) return 0;
  return held >= end->link->window ? 0 : (uint32_t)(end->link->window - held);
}

bool end_has_news(const struct end* end) {
  return end_readable(end) != 0 || end->in->fin_arrived || end->in->rst_arrived;
}

/* Copies between the ring buffer and memory. */
static void flow__copy(struct flow* flow,
                       uint64_t place,
                       uint8_t* bytes,
                       uint32_t length,
                       bool writes) {
  while (length != 0) {
    uint32_t offset = (uint32_t)(place % flow->size);
    uint32_t part = flow->size - offset < length ? flow->size - offset : length;
    if (writes)
      memcpy(flow->bytes + offset, bytes, part);
    else
      memcpy(bytes, flow->bytes + offset, part);
    place += part;
    bytes += part;
    length -= part;
  }
}

static void flow__grow(struct flow* flow, uint32_t size) {
  struct flow grown = *flow;
  grown.size = size;
  grown.bytes = malloc(size);
  if (grown.bytes == NULL) abort();
  for (uint64_t place = flow->received; place != flow->sent; place++)
    grown.bytes[place % size] = flow->bytes[place % flow->size];
  free(flow->bytes);
  *flow = grown;
}

uint32_t end_receive(struct end* end, uint8_t* bytes, uint32_t length) {
  uint32_t readable = end_readable(end);
  uint32_t count = readable < length ? readable : length;
  if (count == 0) return 0;
  flow__copy(end->in, end->in->received, bytes, count, false);
  end->in->received += count;
  /* There is room for more, and a send may be waiting for it. */
  if (end->other->sock != NULL) transfer_has_room(end->other->sock);
  return count;
}

uint32_t end_send(struct end* end, const uint8_t* bytes, uint32_t length) {
  struct flow* flow = end->out;
  uint32_t room = end_room(end);
  uint32_t count = room < length ? room : length;
  if (count == 0) return 0;
  if (flow->size < end->link->window) flow__grow(flow, end->link->window);
  flow__copy(flow, flow->sent, (uint8_t*)(uintptr_t)bytes, count, true);
  flow->sent += count;
  return count;
}

void end_hurry(struct end* end) {
  if (!end->in->rst_sent) end->in->arrived = end->in->sent;
}

void end_finish(struct end* end) {
  struct link* link = end->link;
  end->out->fin_sent = true;
  if (link->has_fin) return;
  link->has_fin = true;
  link->fin_first = end == &link->ends[1];
}

void end_reset(struct end* end) {
  end->is_closed = true;
  end->sock = NULL;
  end->out->rst_sent = true;
}

void end_close(struct end* end) {
  if (end_readable(end) != 0) {
    end_reset(end);
    return;
  }
  end->is_closed = true;
  end->sock = NULL;
  end_finish(end);
}

/* ---- what is in transit */

static bool flow__can_move(const struct flow* flow) {
  if (flow->rst_arrived) return false;
  return flow->rst_sent || flow->arrived != flow->sent ||
         (flow->fin_sent && !flow->fin_arrived);
}

static bool link__can_move(const struct link* link) {
  uint64_t now_ms = fiber_now_ms();
  if (link->stalled_until_ms > now_ms && !habits.is_calm) return false;
  if (link->state == LINK_CALLING) return link->answer_ms <= now_ms;
  return flow__can_move(&link->flows[0]) || flow__can_move(&link->flows[1]);
}

uint64_t network_next_ms(void) {
  uint64_t next_ms = FIBER_FOREVER;
  for (struct list_node* node = network.links.next; node != &network.links;
       node = node->next) {
    const struct link* link = LIST_ENTRY(node, struct link, node);
    uint64_t at_ms = link->stalled_until_ms;
    if (habits.is_calm) at_ms = 0;
    if (link->state == LINK_CALLING && link->answer_ms > at_ms)
      at_ms = link->answer_ms;
    if (at_ms > fiber_now_ms() && at_ms < next_ms) next_ms = at_ms;
  }
  return next_ms;
}

static void link__end(struct link* link) {
  link->ended_ms = fiber_now_ms();
  list_remove(&link->node);
  list_push(&network.ended, &link->node);
}

/* Both ends are closed, or nothing can arrive any more. */
static void link__end_if_done(struct link* link) {
  if (!link->ends[0].is_closed || !link->ends[1].is_closed) return;
  if (flow__can_move(&link->flows[0]) || flow__can_move(&link->flows[1]))
    return;
  link__end(link);
}

static void link__refuse(struct link* link, LONG status) {
  link->state = LINK_REFUSED;
  link__end(link);
  sock_or_peer_refused(&link->ends[0], status);
}

void network_hang_up(struct link* link) {
  link->ends[0].sock = NULL;
  /* The SYN is in transit already. The connection is reset after it arrives. */
  if (tape_choose(2) != 0) {
    end_reset(&link->ends[0]);
    return;
  }
  link->state = LINK_REFUSED;
  link__end(link);
}

/* A self-connect is reported as a connection whose peer has its own address.
 * Nothing can be done with it. */
static void link__self_connect(struct link* link) {
  link->state = LINK_TAKEN;
  link->ends[1].is_closed = true;
}

bool network_answers(struct link* link) {
  if (link->is_self_connected) {
    link__self_connect(link);
    return true;
  }
  return listening_answer(link) == LISTENING_TAKES;
}

bool network_connects(struct link* link) {
  if (listening_answer(link) == LISTENING_TAKES) return true;
  link->state = LINK_REFUSED;
  link->ends[0].is_closed = link->ends[1].is_closed = true;
  link__end(link);
  return false;
}

static LONG network__refusal(void) {
  static const LONG statuses[] = {
      STATUS_WAS_REFUSED, STATUS_WAS_NOT_ACCEPTED, STATUS_HAS_TOO_MANY};
  return statuses[tape_choose(3)];
}

/* The SYN reaches its destination, or the connect times out. */
static void link__answer(struct link* link) {
  if (link->is_self_connected) {
    link__self_connect(link);
    sock_or_peer_connected(&link->ends[0]);
    return;
  }
  if (link->answer_ms != 0) {
    link__refuse(
        link, link->is_unanswered ? STATUS_HAS_TIMED_OUT : network__refusal());
    return;
  }
  switch (listening_answer(link)) {
    case LISTENING_TAKES:
      sock_or_peer_connected(&link->ends[0]);
      return;
    case LISTENING_REFUSES:
      if (!link->retries_refused) {
        link__refuse(link, network__refusal());
        return;
      }
      link->answer_ms = fiber_now_ms() + NETWORK__REFUSAL_MS;
      return;
    case LISTENING_IS_UNREACHABLE:
      link__refuse(link,
                   tape_choose(2) == 0 ? STATUS_NO_ROUTE : STATUS_HOST_IS_DOWN);
      return;
    case LISTENING_IS_SILENT:
      link->is_unanswered = true;
      link->answer_ms = fiber_now_ms() + NETWORK__NO_ANSWER_MS;
      return;
  }
}

static void flow__arrive_bytes(struct end* end) {
  struct flow* flow = end->in;
  uint64_t count = flow->sent - flow->arrived;
  if (habits_fault(habits.splits)) count = 1 + tape_choose((uint32_t)count);
  flow->arrived += count;
  if (!end->is_closed) return;
  /* The program has closed its end, so an RST is the answer. */
  flow->received = flow->arrived;
  end->out->rst_sent = true;
}

/* One thing that is in transit to this end arrives. */
static void link__arrive(struct end* end) {
  struct flow* flow = end->in;
  bool has_bytes = flow->arrived != flow->sent;
  if (flow->rst_sent && (!has_bytes || tape_choose(2) == 0)) {
    /* Bytes that were not received are discarded (RFC 9293, 3.10.7.4). */
    flow->rst_arrived = true;
    flow->arrived = flow->received;
    flow->sent = flow->received;
    end->out->rst_arrived = true;
    TRACE("  an RST arrives at port %u", end->name.port);
  } else if (has_bytes) {
    flow__arrive_bytes(end);
    TRACE("  bytes arrive at port %u: %u to be read",
          end->name.port,
          end_readable(end));
    /* The last segment may have the FIN too (RFC 9293, 3.10.7.4, eighth). */
    if (flow->fin_sent && flow->arrived == flow->sent && tape_choose(2) != 0)
      flow->fin_arrived = true;
  } else {
    flow->fin_arrived = true;
    TRACE("  a FIN arrives at port %u", end->name.port);
  }
  if (end->sock != NULL)
    sock_moved(end->sock);
  else if (end->link->state == LINK_QUEUED)
    listening_moved(end->link);
}

static void link__move(struct link* link) {
  if (link->state == LINK_CALLING) {
    link__answer(link);
    return;
  }
  bool first = flow__can_move(&link->flows[0]);
  bool second = flow__can_move(&link->flows[1]);
  uint32_t side = first && second ? tape_choose(2) : second;
  link__arrive(&link->ends[side]);
  if (habits_fault(habits.stalls))
    link->stalled_until_ms =
        fiber_now_ms() + tape_choose(NETWORK__STALL_MAX_MS);
  link__end_if_done(link);
}

/* Counts the links that can move, and stores the one at `index` in
 * `*found_out`. */
static uint32_t network__movable(uint32_t index, struct link** found_out) {
  uint32_t count = 0;
  struct list_node* next;
  for (struct list_node* node = network.links.next; node != &network.links;
       node = next) {
    struct link* link = LIST_ENTRY(node, struct link, node);
    next = node->next;
    if (!link__can_move(link)) continue;
    if (count++ == index) *found_out = link;
  }
  return count;
}

bool network_step(void) {
  struct link* link = NULL;
  uint32_t late = op_late_count();
  uint32_t calls = pipe_peer_calls();
  if (calls != 0 && tape_choose(2) == 0) {
    pipe_peer_step(tape_choose(calls));
    return true;
  }
  if (udp_count() != 0 && tape_choose(2) == 0) {
    udp_step();
    return true;
  }
  uint32_t movable = network__movable(UINT32_MAX, &link);
  if (late + movable == 0) {
    if (calls != 0)
      pipe_peer_step(0);
    else if (udp_count() != 0)
      udp_step();
    else
      return false;
    return true;
  }
  /* The tape decides whether the network or the oldest late packet moves. */
  if (late != 0 && (movable == 0 || tape_choose(2) == 0)) {
    uint32_t index = habits_fault(habits.shuffles) ? tape_choose(late) : 0;
    op_step_late(index);
    return true;
  }
  network__movable(movable == 1 ? 0 : tape_choose(movable), &link);
  link__move(link);
  return true;
}
