/* SPDX-License-Identifier: MIT */
#include "faults_datagram_linux.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "faults_linux.h"
#include "report.h"
#include "tape.h"

int __wrap_sendmmsg(int fd,
                    struct mmsghdr* messages,
                    unsigned int count,
                    int flags);
int __wrap_recvmmsg(int fd,
                    struct mmsghdr* messages,
                    unsigned int count,
                    int flags,
                    struct timespec* timeout);
ssize_t __wrap_sendto(int fd,
                      const void* bytes,
                      size_t size,
                      int flags,
                      const struct sockaddr* address,
                      socklen_t length);

int __real_sendmmsg(int fd,
                    struct mmsghdr* messages,
                    unsigned int count,
                    int flags);
int __real_recvmmsg(int fd,
                    struct mmsghdr* messages,
                    unsigned int count,
                    int flags,
                    struct timespec* timeout);

static int faults__late[FAULTS_FDS];
/* The latest send was refused by the kernel. */
static bool faults__is_refused[FAULTS_FDS];

void faults_set_late(int fd, int error) {
  faults__late[fd] = error;
  faults__is_refused[fd] = false;
}

void faults_forget_late(void) {
  memset(faults__late, 0, sizeof faults__late);
  memset(faults__is_refused, 0, sizeof faults__is_refused);
}

/* ---- which errors */

bool faults_is_datagram(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
         type == SOCK_DGRAM;
}

/* An ICMP message is about a datagram that was sent before (udp(7): "all fatal
 * errors will be passed to the user"). Only a connected socket hears of it
 * (udp_err() in the kernel), and a unix socket of none. */
static bool faults__may_be_refused(int fd) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  return getpeername(fd, (struct sockaddr*)&peer, &size) == 0 &&
         peer.ss_family != AF_UNIX;
}

/* Those that end a connection (icmp_err_convert[] in the kernel). */
static int faults__refusal(void) {
  static const int errors[] = {
      ECONNREFUSED, EHOSTUNREACH, EHOSTDOWN, ENOPROTOOPT, EACCES};
  return errors[tape_choose(5)];
}

/* Takes the late error. */
static int faults__take_late(int fd) {
  int error = faults__late[fd];
  faults__late[fd] = 0;
  return error;
}

/* The errno of a call, or 0. */
static int faults__error(int fd, bool sends) {
  if (faults_happens(FAULTS_EINTR)) return EINTR;
  int late = faults__take_late(fd);
  if (late != 0) return late;
  if (faults_happens(FAULTS_EAGAIN)) {
    faults_owe(fd);
    return EAGAIN;
  }
  if (!faults_happens(FAULTS_OPERATION)) return 0;
  if (tape_choose(2) != 0 && faults__may_be_refused(fd))
    return faults__refusal();
  /* "The output queue for a network interface was full" (send(2)). */
  return sends && tape_choose(2) != 0 ? ENOBUFS : ENOMEM;
}

/* The kernel checks the length, the route and the permission before it looks
 * for memory (udp_sendmsg()), so a send that it has refused for one of these
 * fails in the same way when it is repeated. */
static int faults__send_error(int fd) {
  bool is_repeated = faults__is_refused[fd];
  faults__is_refused[fd] = false;
  return is_repeated ? 0 : faults__error(fd, true);
}

static ssize_t faults__sent(int fd, ssize_t result) {
  faults__is_refused[fd] =
      result < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
  return result;
}

bool faults_receive_fails(const char* call, int fd) {
  if (!faults_is_datagram(fd)) return false;
  int error = faults__error(fd, false);
  if (error == 0) return false;
  /* The queue of the socket may have more. */
  if (error != EINTR && error != EAGAIN) faults_owe(fd);
  faults_fail(call, error);
  return true;
}

/* ---- batches */

/* "If an error occurs after at least one message has been sent, the call
 * succeeds, and returns the number of messages sent. The error code is lost"
 * (sendmmsg(2), notes). */
int __wrap_sendmmsg(int fd,
                    struct mmsghdr* messages,
                    unsigned int count,
                    int flags) {
  int error = faults__send_error(fd);
  if (error != 0) return faults_fail("sendmmsg", error);
  if (count > 1 && faults_happens(FAULTS_SHORT)) {
    count = tape_between(1, count - 1);
    TRACE("  sendmmsg: no more than %u", count);
  }
  return (int)faults__sent(fd, __real_sendmmsg(fd, messages, count, flags));
}

/* "If an error occurs after at least one message has been received, the call
 * succeeds ... The error code is expected to be returned on a subsequent call"
 * (recvmmsg(2), bugs). */
int __wrap_recvmmsg(int fd,
                    struct mmsghdr* messages,
                    unsigned int count,
                    int flags,
                    struct timespec* timeout) {
  if (faults_receive_fails("recvmmsg", fd)) return -1;
  bool is_cut = count > 1 && faults_happens(FAULTS_SHORT);
  if (is_cut) {
    count = tape_between(1, count - 1);
    TRACE("  recvmmsg: no more than %u", count);
    /* To the engine, the rest arrives later. */
    faults_owe(fd);
  }
  int result = __real_recvmmsg(fd, messages, count, flags, timeout);
  if (is_cut && result == (int)count && tape_choose(2) != 0 &&
      faults__may_be_refused(fd))
    faults_set_late(fd, faults__refusal());
  return result;
}

ssize_t __wrap_sendto(int fd,
                      const void* bytes,
                      size_t size,
                      int flags,
                      const struct sockaddr* address,
                      socklen_t length) {
  int error = faults__send_error(fd);
  if (error != 0) return faults_fail("sendto", error);
  return faults__sent(fd,
                      __real_sendto(fd, bytes, size, flags, address, length));
}
