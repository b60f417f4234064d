/* SPDX-License-Identifier: MIT */
/* How the functions of the library are declared. */
#ifndef IOCP_API_EXPORT_H
#define IOCP_API_EXPORT_H

#if defined(IOCP_STATIC)
#define IOCP_API
#elif defined(_WIN32) && defined(IOCP_BUILD)
#define IOCP_API __declspec(dllexport)
#elif defined(_WIN32)
#define IOCP_API __declspec(dllimport)
#else
#define IOCP_API __attribute__((visibility("default")))
#endif

#endif /* IOCP_API_EXPORT_H */
