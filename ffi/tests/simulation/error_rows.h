/* SPDX-License-Identifier: MIT */
/*
 * What an error number of Windows means ("Windows Sockets Error Codes", "System
 * Error Codes", [MS-ERREF]); the others where it depends on the call: a
 * datagram that was refused is reported as a reset, an address of the system's
 * choice is not available, and a stream that was aborted, or is not connected
 * any more, is reported as reset.
 */
#ifndef IOCP_ERROR_ROWS_H
#define IOCP_ERROR_ROWS_H

#include <stdint.h>

#include "iocp_error.h"

struct error_row {
  uint32_t number;
  int32_t error;
  int32_t others[3]; /* or 0 */
};

static const struct error_row error_rows[] = {
    {1, IOCP_ENOTSUP, {0}},              /* ERROR_INVALID_FUNCTION */
    {2, IOCP_ENOENT, {0}},               /* ERROR_FILE_NOT_FOUND */
    {3, IOCP_ENOENT, {0}},               /* ERROR_PATH_NOT_FOUND */
    {4, IOCP_EMFILE, {0}},               /* ERROR_TOO_MANY_OPEN_FILES */
    {5, IOCP_EACCES, {IOCP_EADDRINUSE}}, /* ERROR_ACCESS_DENIED */
    {6, IOCP_EBADF, {0}},                /* ERROR_INVALID_HANDLE */
    {8, IOCP_ENOMEM, {0}},               /* ERROR_NOT_ENOUGH_MEMORY */
    {14, IOCP_ENOMEM, {0}},              /* ERROR_OUTOFMEMORY */
    {19, IOCP_EROFS, {0}},               /* ERROR_WRITE_PROTECT */
    {23, IOCP_EIO, {0}},                 /* ERROR_CRC */
    {32, IOCP_EBUSY, {IOCP_EADDRINUSE}}, /* ERROR_SHARING_VIOLATION */
    {33, IOCP_EBUSY, {0}},               /* ERROR_LOCK_VIOLATION */
    {38, IOCP_ENODATA, {0}},             /* ERROR_HANDLE_EOF */
    {39, IOCP_ENOSPC, {0}},              /* ERROR_HANDLE_DISK_FULL */
    {50, IOCP_ENOTSUP, {0}},             /* ERROR_NOT_SUPPORTED */
    {51, IOCP_ECONNREFUSED, {0}},        /* ERROR_REM_NOT_LIST */
    {53, IOCP_ENETUNREACH, {0}},         /* ERROR_BAD_NETPATH */
    {54, IOCP_ENETDOWN, {0}},            /* ERROR_NETWORK_BUSY */
    {55, IOCP_ENETDOWN, {0}},            /* ERROR_DEV_NOT_EXIST */
    {59, IOCP_ENETDOWN, {0}},            /* ERROR_UNEXP_NET_ERR */
    {64, IOCP_ECONNRESET, {0}},          /* ERROR_NETNAME_DELETED */
    {65, IOCP_EACCES, {0}},              /* ERROR_NETWORK_ACCESS_DENIED */
    {71, IOCP_ECONNREFUSED, {0}},        /* ERROR_REQ_NOT_ACCEP */
    {87,
     IOCP_EINVAL,
     {IOCP_ENOTSUP, IOCP_EEXIST}},           /* ERROR_INVALID_PARAMETER */
    {109, IOCP_EPIPE, {0}},                  /* ERROR_BROKEN_PIPE */
    {112, IOCP_ENOSPC, {0}},                 /* ERROR_DISK_FULL */
    {121, IOCP_ETIMEDOUT, {0}},              /* ERROR_SEM_TIMEOUT */
    {123, IOCP_EINVAL, {0}},                 /* ERROR_INVALID_NAME */
    {127, IOCP_ENOTSUP, {0}},                /* ERROR_PROC_NOT_FOUND */
    {206, IOCP_ENAMETOOLONG, {0}},           /* ERROR_FILENAME_EXCED_RANGE */
    {232, IOCP_EPIPE, {0}},                  /* ERROR_NO_DATA */
    {233, IOCP_ENOTCONN, {IOCP_ECONNRESET}}, /* ERROR_PIPE_NOT_CONNECTED */
    {258, IOCP_ETIMEDOUT, {0}},              /* WAIT_TIMEOUT */
    {267, IOCP_ENOTDIR, {0}},                /* ERROR_DIRECTORY */
    {995, IOCP_ECANCELED, {0}},              /* ERROR_OPERATION_ABORTED */
    {998, IOCP_EFAULT, {0}},                 /* ERROR_NOACCESS */
    {1117, IOCP_EIO, {0}},                   /* ERROR_IO_DEVICE */
    {1223, IOCP_ECANCELED, {0}},             /* ERROR_CANCELLED */
    {1225, IOCP_ECONNREFUSED, {0}},          /* ERROR_CONNECTION_REFUSED */
    {1226, IOCP_ECONNRESET, {0}},            /* ERROR_GRACEFUL_DISCONNECT */
    {1227,
     IOCP_EADDRINUSE,
     {IOCP_EADDRNOTAVAIL}},          /* ERROR_ADDRESS_ALREADY_ASSOCIATED */
    {1228, IOCP_EADDRNOTAVAIL, {0}}, /* ERROR_ADDRESS_NOT_ASSOCIATED */
    {1229, IOCP_ENOTCONN, {IOCP_ECONNRESET}}, /* ERROR_CONNECTION_INVALID */
    {1230, IOCP_EISCONN, {0}},                /* ERROR_CONNECTION_ACTIVE */
    {1231, IOCP_ENETUNREACH, {0}},            /* ERROR_NETWORK_UNREACHABLE */
    {1232, IOCP_EHOSTUNREACH, {0}},           /* ERROR_HOST_UNREACHABLE */
    {1233, IOCP_ENETUNREACH, {0}},            /* ERROR_PROTOCOL_UNREACHABLE */
    {1234, IOCP_ECONNREFUSED, {0}},           /* ERROR_PORT_UNREACHABLE */
    {1235, IOCP_ECANCELED, {0}},              /* ERROR_REQUEST_ABORTED */
    {1236, IOCP_ECONNABORTED, {IOCP_ECONNRESET}}, /* ERROR_CONNECTION_ABORTED */
    {1238, IOCP_ECONNREFUSED, {0}},          /* ERROR_CONNECTION_COUNT_LIMIT */
    {1256, IOCP_EHOSTUNREACH, {0}},          /* ERROR_HOST_DOWN */
    {1314, IOCP_EPERM, {0}},                 /* ERROR_PRIVILEGE_NOT_HELD */
    {1450, IOCP_ENOBUFS, {0}},               /* ERROR_NO_SYSTEM_RESOURCES */
    {1453, IOCP_ENOBUFS, {0}},               /* ERROR_WORKING_SET_QUOTA */
    {1454, IOCP_ENOBUFS, {0}},               /* ERROR_PAGEFILE_QUOTA */
    {1455, IOCP_ENOBUFS, {0}},               /* ERROR_COMMITMENT_LIMIT */
    {1816, IOCP_ENOBUFS, {0}},               /* ERROR_NOT_ENOUGH_QUOTA */
    {10004, IOCP_ECANCELED, {0}},            /* WSAEINTR */
    {10013, IOCP_EACCES, {IOCP_EADDRINUSE}}, /* WSAEACCES */
    {10014, IOCP_EFAULT, {0}},               /* WSAEFAULT */
    {10022,
     IOCP_EINVAL,
     {IOCP_ENOTSUP, IOCP_ECONNREFUSED, IOCP_EADDRNOTAVAIL}}, /* WSAEINVAL */
    {10024, IOCP_EMFILE, {0}},                               /* WSAEMFILE */
    {10036, IOCP_EBUSY, {0}},                       /* WSAEINPROGRESS */
    {10037, IOCP_EBUSY, {0}},                       /* WSAEALREADY */
    {10038, IOCP_ENOTSOCK, {0}},                    /* WSAENOTSOCK */
    {10039, IOCP_EDESTADDRREQ, {0}},                /* WSAEDESTADDRREQ */
    {10040, IOCP_EMSGSIZE, {0}},                    /* WSAEMSGSIZE */
    {10041, IOCP_EPROTOTYPE, {0}},                  /* WSAEPROTOTYPE */
    {10042, IOCP_ENOPROTOOPT, {IOCP_ENOTSUP}},      /* WSAENOPROTOOPT */
    {10043, IOCP_ENOTSUP, {0}},                     /* WSAEPROTONOSUPPORT */
    {10044, IOCP_ENOTSUP, {0}},                     /* WSAESOCKTNOSUPPORT */
    {10045, IOCP_ENOTSUP, {0}},                     /* WSAEOPNOTSUPP */
    {10046, IOCP_EAFNOSUPPORT, {0}},                /* WSAEPFNOSUPPORT */
    {10047, IOCP_EAFNOSUPPORT, {IOCP_ENOTSUP}},     /* WSAEAFNOSUPPORT */
    {10048, IOCP_EADDRINUSE, {IOCP_EADDRNOTAVAIL}}, /* WSAEADDRINUSE */
    {10049, IOCP_EADDRNOTAVAIL, {0}},               /* WSAEADDRNOTAVAIL */
    {10050, IOCP_ENETDOWN, {0}},                    /* WSAENETDOWN */
    {10051, IOCP_ENETUNREACH, {0}},                 /* WSAENETUNREACH */
    {10052, IOCP_ENETRESET, {IOCP_EHOSTUNREACH}},   /* WSAENETRESET */
    {10053, IOCP_ECONNABORTED, {IOCP_ECONNRESET}},  /* WSAECONNABORTED */
    {10054, IOCP_ECONNRESET, {IOCP_ECONNREFUSED}},  /* WSAECONNRESET */
    {10055, IOCP_ENOBUFS, {0}},                     /* WSAENOBUFS */
    {10056, IOCP_EISCONN, {0}},                     /* WSAEISCONN */
    {10057,
     IOCP_ENOTCONN,
     {IOCP_EDESTADDRREQ, IOCP_ECONNRESET}},         /* WSAENOTCONN */
    {10058, IOCP_EPIPE, {0}},                       /* WSAESHUTDOWN */
    {10060, IOCP_ETIMEDOUT, {0}},                   /* WSAETIMEDOUT */
    {10061, IOCP_ECONNREFUSED, {0}},                /* WSAECONNREFUSED */
    {10064, IOCP_EHOSTUNREACH, {0}},                /* WSAEHOSTDOWN */
    {10065, IOCP_EHOSTUNREACH, {0}},                /* WSAEHOSTUNREACH */
    {10067, IOCP_EMFILE, {0}},                      /* WSAEPROCLIM */
    {10091, IOCP_ENETDOWN, {0}},                    /* WSASYSNOTREADY */
    {10092, IOCP_ENOTSUP, {0}},                     /* WSAVERNOTSUPPORTED */
    {10101, IOCP_ECONNRESET, {0}},                  /* WSAEDISCON */
    {10103, IOCP_ECANCELED, {0}},                   /* WSAECANCELLED */
    {10109, IOCP_ENOTFOUND, {0}},                   /* WSATYPE_NOT_FOUND */
    {10111, IOCP_ECANCELED, {0}},                   /* WSA_E_CANCELLED */
    {11001, IOCP_ENOTFOUND, {0}},                   /* WSAHOST_NOT_FOUND */
    {11002, IOCP_EAI_AGAIN, {0}},                   /* WSATRY_AGAIN */
    {11003, IOCP_EAI_FAIL, {0}},                    /* WSANO_RECOVERY */
    {11004, IOCP_ENOTFOUND, {0}},                   /* WSANO_DATA */
    {0x80000005, IOCP_EMSGSIZE, {0}},               /* BUFFER_OVERFLOW */
    {0x8000000A, IOCP_ECANCELED, {0}},              /* HANDLES_CLOSED */
    {0x8000000F, IOCP_ENETDOWN, {0}},               /* DEVICE_POWERED_OFF */
    {0x80000025, IOCP_ENOTCONN, {IOCP_ECONNRESET}}, /* ALREADY_DISCONNECTED */
    {0xC0000002, IOCP_ENOTSUP, {0}},                /* NOT_IMPLEMENTED */
    {0xC0000005, IOCP_EFAULT, {0}},                 /* ACCESS_VIOLATION */
    {0xC0000007, IOCP_ENOBUFS, {0}},                /* PAGEFILE_QUOTA */
    {0xC0000008, IOCP_EBADF, {0}},                  /* INVALID_HANDLE */
    {0xC000000D, IOCP_EINVAL, {0}},                 /* INVALID_PARAMETER */
    {0xC000000E, IOCP_ENETDOWN, {0}},               /* NO_SUCH_DEVICE */
    {0xC000000F, IOCP_ENETDOWN, {0}},               /* NO_SUCH_FILE */
    {0xC0000010, IOCP_ENOTSUP, {0}},                /* INVALID_DEVICE_REQUEST */
    {0xC0000011, IOCP_ENODATA, {0}},                /* END_OF_FILE */
    {0xC0000017, IOCP_ENOBUFS, {0}},                /* NO_MEMORY */
    {0xC0000018, IOCP_EADDRNOTAVAIL, {0}},          /* CONFLICTING_ADDRESSES */
    {0xC0000022, IOCP_EACCES, {0}},                 /* ACCESS_DENIED */
    {0xC0000023, IOCP_EFAULT, {0}},                 /* BUFFER_TOO_SMALL */
    {0xC0000024, IOCP_ENOTSOCK, {0}},               /* OBJECT_TYPE_MISMATCH */
    {0xC0000034, IOCP_ENETDOWN, {0}},               /* OBJECT_NAME_NOT_FOUND */
    {0xC000003A, IOCP_ENETDOWN, {0}},               /* OBJECT_PATH_NOT_FOUND */
    {0xC000003E, IOCP_EIO, {0}},                    /* DATA_ERROR */
    {0xC000003F, IOCP_EIO, {0}},                    /* CRC_ERROR */
    {0xC0000043, IOCP_EADDRINUSE, {IOCP_EADDRNOTAVAIL}}, /* SHARING_VIOLATION */
    {0xC0000044, IOCP_ENOBUFS, {0}},                     /* QUOTA_EXCEEDED */
    {0xC0000054, IOCP_EBUSY, {0}},               /* FILE_LOCK_CONFLICT */
    {0xC0000097, IOCP_ENOBUFS, {0}},             /* TOO_MANY_PAGING_FILES */
    {0xC000009A, IOCP_ENOBUFS, {0}},             /* INSUFFICIENT_RESOURCES */
    {0xC00000A1, IOCP_ENOBUFS, {0}},             /* WORKING_SET_QUOTA */
    {0xC00000A3, IOCP_ENETDOWN, {0}},            /* DEVICE_NOT_READY */
    {0xC00000B0, IOCP_EPIPE, {IOCP_ECONNRESET}}, /* PIPE_DISCONNECTED */
    {0xC00000B1, IOCP_EPIPE, {0}},               /* PIPE_CLOSING */
    {0xC00000B5, IOCP_ETIMEDOUT, {0}},           /* IO_TIMEOUT */
    {0xC00000B6, IOCP_ECONNABORTED, {IOCP_ECONNRESET}}, /* FILE_FORCED_CLOSED */
    {0xC00000BB, IOCP_ENOTSUP, {0}},                    /* NOT_SUPPORTED */
    {0xC00000BC, IOCP_ECONNREFUSED, {0}}, /* REMOTE_NOT_LISTENING */
    {0xC00000BE, IOCP_ENETUNREACH, {0}},  /* BAD_NETWORK_PATH */
    {0xC00000BF, IOCP_ENETDOWN, {0}},     /* NETWORK_BUSY */
    {0xC00000C0, IOCP_ENETDOWN, {0}},     /* DEVICE_DOES_NOT_EXIST */
    {0xC00000C2, IOCP_ENETDOWN, {0}},     /* ADAPTER_HARDWARE_ERROR */
    {0xC00000C3, IOCP_ENETDOWN, {0}},     /* INVALID_NETWORK_RESPONSE */
    {0xC00000C4, IOCP_ENETDOWN, {0}},     /* UNEXPECTED_NETWORK_ERROR */
    {0xC00000C9, IOCP_ECONNRESET, {0}},   /* NETWORK_NAME_DELETED */
    {0xC00000CA, IOCP_EACCES, {0}},       /* NETWORK_ACCESS_DENIED */
    {0xC00000D0, IOCP_ECONNREFUSED, {0}}, /* REQUEST_NOT_ACCEPTED */
    {0xC00000E8, IOCP_EFAULT, {0}},       /* INVALID_USER_BUFFER */
    {0xC000011F, IOCP_EMFILE, {0}},       /* TOO_MANY_OPENED_FILES */
    {0xC0000120, IOCP_ECANCELED, {0}},    /* CANCELLED */
    {0xC0000128, IOCP_ECANCELED, {0}},    /* FILE_CLOSED */
    {0xC000012D, IOCP_ENOBUFS, {0}},      /* COMMITMENT_LIMIT */
    {0xC000013B, IOCP_ECONNABORTED, {IOCP_ECONNRESET}}, /* LOCAL_DISCONNECT */
    {0xC000013C, IOCP_ECONNRESET, {0}},                 /* REMOTE_DISCONNECT */
    {0xC000013D, IOCP_ENOBUFS, {0}},                    /* REMOTE_RESOURCES */
    {0xC000013E, IOCP_ECONNRESET, {0}},                 /* LINK_FAILED */
    {0xC000013F, IOCP_ETIMEDOUT, {0}},                  /* LINK_TIMEOUT */
    {0xC0000140, IOCP_ENOTCONN, {IOCP_ECONNRESET}},     /* INVALID_CONNECTION */
    {0xC0000141, IOCP_EADDRNOTAVAIL, {0}},              /* INVALID_ADDRESS */
    {0xC000014B, IOCP_EPIPE, {0}},                      /* PIPE_BROKEN */
    {0xC0000184, IOCP_ENOTCONN, {IOCP_ECONNRESET}}, /* INVALID_DEVICE_STATE */
    {0xC0000185, IOCP_EIO, {0}},                    /* IO_DEVICE_ERROR */
    {0xC0000205, IOCP_ENOBUFS, {0}},       /* INSUFF_SERVER_RESOURCES */
    {0xC0000206, IOCP_EMSGSIZE, {0}},      /* INVALID_BUFFER_SIZE */
    {0xC0000207, IOCP_EADDRNOTAVAIL, {0}}, /* INVALID_ADDRESS_COMPONENT */
    {0xC0000208, IOCP_EADDRNOTAVAIL, {0}}, /* INVALID_ADDRESS_WILDCARD */
    {0xC0000209,
     IOCP_EADDRINUSE,
     {IOCP_EADDRNOTAVAIL}}, /* TOO_MANY_ADDRESSES */
    {0xC000020A,
     IOCP_EADDRINUSE,
     {IOCP_EADDRNOTAVAIL}}, /* ADDRESS_ALREADY_EXISTS */
    {0xC000020B, IOCP_ECONNABORTED, {IOCP_ECONNRESET}}, /* ADDRESS_CLOSED */
    {0xC000020C,
     IOCP_ECONNRESET,
     {IOCP_ECONNREFUSED}}, /* CONNECTION_DISCONNECTED */
    {0xC000020D, IOCP_ECONNRESET, {IOCP_ECONNREFUSED}}, /* CONNECTION_RESET */
    {0xC000020E, IOCP_ENOBUFS, {0}},                    /* TOO_MANY_NODES */
    {0xC000020F,
     IOCP_ECONNABORTED,
     {IOCP_ECONNRESET}},                  /* TRANSACTION_ABORTED */
    {0xC0000236, IOCP_ECONNREFUSED, {0}}, /* CONNECTION_REFUSED */
    {0xC0000237, IOCP_ECONNRESET, {0}},   /* GRACEFUL_DISCONNECT */
    {0xC0000238,
     IOCP_EADDRINUSE,
     {IOCP_EADDRNOTAVAIL}},                /* ADDRESS_ALREADY_ASSOCIATED */
    {0xC0000239, IOCP_EADDRNOTAVAIL, {0}}, /* ADDRESS_NOT_ASSOCIATED */
    {0xC000023A, IOCP_ENOTCONN, {IOCP_ECONNRESET}}, /* CONNECTION_INVALID */
    {0xC000023B, IOCP_EISCONN, {0}},                /* CONNECTION_ACTIVE */
    {0xC000023C, IOCP_ENETUNREACH, {0}},            /* NETWORK_UNREACHABLE */
    {0xC000023D, IOCP_EHOSTUNREACH, {0}},           /* HOST_UNREACHABLE */
    {0xC000023E, IOCP_ENETUNREACH, {0}},            /* PROTOCOL_UNREACHABLE */
    {0xC000023F, IOCP_ECONNREFUSED, {0}},           /* PORT_UNREACHABLE */
    {0xC0000240, IOCP_ECANCELED, {0}},              /* REQUEST_ABORTED */
    {0xC0000241, IOCP_ECONNABORTED, {IOCP_ECONNRESET}}, /* CONNECTION_ABORTED */
    {0xC0000246, IOCP_ECONNREFUSED, {0}}, /* CONNECTION_COUNT_LIMIT */
    {0xC00002B6, IOCP_ENETDOWN, {0}},     /* DEVICE_REMOVED */
    {0xC0000350, IOCP_EHOSTUNREACH, {0}}, /* HOST_DOWN */
    {0xC000A010, IOCP_ENOBUFS, {0}},      /* IPSEC_QUEUE_OVERFLOW */
    {0xC000A012, IOCP_ECONNRESET, {IOCP_EHOSTUNREACH}}, /* HOPLIMIT_EXCEEDED */
    {0xC000A013, IOCP_ENOTSUP, {0}},    /* PROTOCOL_NOT_SUPPORTED */
    {0xC0070040, IOCP_ECONNRESET, {0}}, /* ERROR_NETNAME_DELETED */
};
#define ERROR_ROWS (sizeof error_rows / sizeof error_rows[0])

#endif /* IOCP_ERROR_ROWS_H */
