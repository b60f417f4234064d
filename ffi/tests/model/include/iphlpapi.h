/* SPDX-License-Identifier: MIT */
/* The part of iphlpapi.h that the Windows engine uses; see windows.h. */
#ifndef MODEL_IPHLPAPI_H
#define MODEL_IPHLPAPI_H

#include <windows.h>

typedef enum { TCP_TABLE_OWNER_PID_LISTENER = 3 } TCP_TABLE_CLASS;

typedef struct {
  DWORD dwState;
  DWORD dwLocalAddr;
  DWORD dwLocalPort;
  DWORD dwRemoteAddr;
  DWORD dwRemotePort;
  DWORD dwOwningPid;
} MIB_TCPROW_OWNER_PID;

typedef struct {
  DWORD dwNumEntries;
  MIB_TCPROW_OWNER_PID table[1];
} MIB_TCPTABLE_OWNER_PID;

typedef struct {
  uint8_t ucLocalAddr[16];
  DWORD dwLocalScopeId;
  DWORD dwLocalPort;
  uint8_t ucRemoteAddr[16];
  DWORD dwRemoteScopeId;
  DWORD dwRemotePort;
  DWORD dwState;
  DWORD dwOwningPid;
} MIB_TCP6ROW_OWNER_PID;

typedef struct {
  DWORD dwNumEntries;
  MIB_TCP6ROW_OWNER_PID table[1];
} MIB_TCP6TABLE_OWNER_PID;

/* netioapi.h, which it includes */
#define NO_ERROR 0u
typedef uint16_t ADDRESS_FAMILY;
typedef void VOID;

/* nldef.h */
typedef enum {
  IpDadStateTentative = 1,
  IpDadStateDuplicate = 2,
  IpDadStatePreferred = 4
} NL_DAD_STATE;

typedef struct {
  SOCKADDR_STORAGE Address;
  uint64_t InterfaceLuid;
  ULONG InterfaceIndex;
  NL_DAD_STATE DadState;
} MIB_UNICASTIPADDRESS_ROW;

typedef struct {
  ULONG NumEntries;
  MIB_UNICASTIPADDRESS_ROW Table[1];
} MIB_UNICASTIPADDRESS_TABLE;

#endif /* MODEL_IPHLPAPI_H */
