/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmsock_api.h - what vmsock.ko offers other kernel code
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 2.2.  A client registers, asks for the family
 * number, uses sock_create_kern() with it, and deregisters: the number is held
 * as long as a client, a socket or a descriptor of the control device exists.
 */
#ifndef VMSOCK_API_H
#define VMSOCK_API_H

/**
 * VMCISock_KernelRegister() - become a client; no number is taken yet
 *
 * Context: process context, may sleep.
 */
void VMCISock_KernelRegister(void);

/**
 * VMCISock_KernelDeregister() - stop being a client; may give the number back
 *
 * Context: process context, may sleep.  Each call undoes one registration.
 */
void VMCISock_KernelDeregister(void);

/**
 * VMCISock_GetAFValue() - the family number, registered if it was not
 *
 * Context: process context, may sleep.
 * Return: number, -1 if no client is registered, or a negative errno.
 */
int VMCISock_GetAFValue(void);

/**
 * VMCISock_GetLocalCID() - own context id
 *
 * Context: process context, may sleep.
 * Return: the id as int (ids above 2^31 come out negative; all ones is "none"), or -1
 * if no client is registered.
 */
int VMCISock_GetLocalCID(void);

#endif /* VMSOCK_API_H */
