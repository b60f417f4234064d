/* SPDX-License-Identifier: MIT */
/* Multicast groups, and the interfaces that they are joined on. */
#include <string.h>

#include "datagrams.h"
#include "report.h"
#include "tape.h"
#include "user.h"
#include "user_datagram.h"

/* ---- groups */

/* A group is joined once on an interface, and left when it was. Without memory
 * the library cannot look whether the interface exists. */
static void user__membership_any(struct endpoint* at,
                                 uint16_t family,
                                 uint32_t index,
                                 bool joins,
                                 int32_t result) {
  bool* is_member = &at->is_member[family == 6][index];
  if (error_is_fault(result)) return;
  if (joins && *is_member)
    RULE("a group that is joined already is in use",
         ERROR_IS(result, IOCP_EADDRINUSE) ||
             (index != 0 && !ledger.is_calm &&
              ERROR_IS(result, IOCP_EADDRNOTAVAIL)));
  if (!joins && at->joins == 0)
    RULE("a group that was not joined cannot be left",
         ERROR_IS(result, IOCP_EADDRNOTAVAIL));
  if (!joins && *is_member)
    RULE("a group that was joined can be left", result == 0);
  if (result == 0) *is_member = joins;
}

/* What was joined is joined once more, or left. */
static void user__membership_next(struct entry* entry,
                                  const struct iocp_address* group,
                                  uint32_t index) {
  uint32_t joins = tape_choose(2);
  int32_t result = iocp_membership(
      user_datagram_port(entry), entry->id, group, NULL, index, joins);
  TRACE("iocp_membership(%d.%d, %u) next: %d",
        entry->port,
        entry->id,
        joins,
        result);
  if (!user_datagram_is_void(entry, result))
    user__membership_any(
        entry->endpoint, group->family, index, joins != 0, result);
}

void user_membership(struct entry* entry) {
  struct endpoint* at = entry->endpoint;
  uint16_t family = at->address.family == 6 && tape_choose(4) != 3 ? 6 : 4;
  struct iocp_address group = datagrams_group(family);
  struct iocp_address source = user_datagram_at(family, false);
  uint32_t what = tape_choose(8);
  bool has_source = tape_choose(3) == 1;
  uint32_t joins = what != 7;
  /* The first interface is the loopback one. The real network is not used. */
  uint32_t index = world_is_exact() ? tape_choose(3) : 1;
  if (what == 6) index = 77;
  if (what == 5) group = user_datagram_at(family, false);
  if (what == 4) source.family = 10 - family;
  if (what == 3 && tape_choose(3) == 1) group.family = 5;
  int32_t result = iocp_membership(user_datagram_port(entry),
                                   entry->id,
                                   &group,
                                   has_source ? &source : NULL,
                                   index,
                                   joins);
  TRACE("iocp_membership(%d.%d, %u, interface %u): %d",
        entry->port,
        entry->id,
        joins,
        index,
        result);
  if (user_datagram_is_void(entry, result)) return;
  if (group.family == 5 || (what == 4 && has_source))
    RULE("a group or source of another family is refused as such",
         ERROR_IS(result, IOCP_EAFNOSUPPORT));
  if (joins && what < 3 && family == at->address.family)
    RULE("a group that exists is joined",
         result == 0 || at->has_joined[family == 6][has_source] ||
             at->joins != 0 || error_is_fault(result));
  if ((what < 3 || !joins) && !has_source)
    user__membership_any(at, family, index, joins, result);
  if (result < 0) {
    RULE("a membership fails with an expected error",
         ERROR_IS(result,
                  IOCP_EADDRINUSE,
                  IOCP_EADDRNOTAVAIL,
                  IOCP_EINVAL,
                  IOCP_EAFNOSUPPORT));
    return;
  }
  RULE("only a group on an interface is joined",
       group.family != 5 && what != 5 && what != 6 &&
           (what != 4 || !has_source));
  at->joins += joins;
  if (joins) at->has_joined[family == 6][has_source] = true;
  if (joins && !has_source && tape_choose(2) == 1)
    user__membership_next(entry, &group, index);
}

void user_interface(uint32_t port) {
  struct iocp_address address =
      user_datagram_at(tape_choose(2) == 0 ? 4 : 6, false);
  uint32_t what = tape_choose(5);
  if (what == 2) address.bytes[0] = 99;
  if (what >= 3 && world_has_interfaces()) {
    /* Each of the interfaces has this address. */
    address = (struct iocp_address){.family = 6, .bytes = {0xfe, 0x80}};
    address.bytes[15] = 1;
    address.scope = what - 2;
  }
  int32_t result = iocp_interface_index(ledger.ports[port].id, &address);
  TRACE("iocp_interface_index: %d", result);
  if (address.scope != 0)
    RULE("an interface has an index",
         result == (int32_t)address.scope || ERROR_IS(result, IOCP_ENOTSUP));
  else if (address.bytes[0] == 99)
    RULE("an address that no interface has is not found",
         ERROR_IS(result, IOCP_EADDRNOTAVAIL, IOCP_ENOTSUP));
  else
    RULE("the loopback interface has an index",
         result > 0 || world_posts_operations());
}
