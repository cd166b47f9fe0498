/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * service.h - serves whoever connects
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_SERVICE_H
#define VMSOCK_SERVICE_H

#include <vmsock/listener.h>

G_BEGIN_DECLS

#define VMSOCK_TYPE_SERVICE (vmsock_service_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE(VmsockService, vmsock_service, VMSOCK, SERVICE, VmsockListener)

/**
 * VmsockServiceClass:
 * @incoming: handler of [signal@Vmsock.Service::incoming]
 *
 * Class of [class@Vmsock.Service].
 */
struct _VmsockServiceClass {
	/*< private >*/
	VmsockListenerClass parent_class;
	/*< public >*/
	gboolean (*incoming)(VmsockService *service, VmsockConnection *connection);
	/*< private >*/
	gpointer padding[8];
};

VMSOCK_AVAILABLE_IN_0_1
VmsockService *vmsock_service_new(void);

VMSOCK_AVAILABLE_IN_0_1
void vmsock_service_start(VmsockService *service);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_service_stop(VmsockService *service);
VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_service_is_active(VmsockService *service);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_service_set_max_connections(VmsockService *service, guint count);
VMSOCK_AVAILABLE_IN_0_1
guint vmsock_service_get_max_connections(VmsockService *service);
VMSOCK_AVAILABLE_IN_0_1
guint vmsock_service_get_connections(VmsockService *service);

VMSOCK_AVAILABLE_IN_0_1
void vmsock_service_drain_async(VmsockService *service, GCancellable *cancellable,
				GAsyncReadyCallback callback, gpointer user_data);
VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_service_drain_finish(VmsockService *service, GAsyncResult *result, GError **error);

#define VMSOCK_TYPE_THREADED_SERVICE (vmsock_threaded_service_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE(VmsockThreadedService, vmsock_threaded_service, VMSOCK, THREADED_SERVICE,
			 VmsockService)

/**
 * VmsockThreadedServiceClass:
 * @run: handler of [signal@Vmsock.ThreadedService::run]
 *
 * Class of [class@Vmsock.ThreadedService].
 */
struct _VmsockThreadedServiceClass {
	/*< private >*/
	VmsockServiceClass parent_class;
	/*< public >*/
	gboolean (*run)(VmsockThreadedService *service, VmsockConnection *connection);
	/*< private >*/
	gpointer padding[8];
};

VMSOCK_AVAILABLE_IN_0_1
VmsockThreadedService *vmsock_threaded_service_new(int max_threads);

G_END_DECLS

#endif
