/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * threaded-service.c - serves each connection in a thread of its own
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "private.h"

typedef struct {
	GThreadPool *pool;
	int max_threads;
} VmsockThreadedServicePrivate;

/**
 * VmsockThreadedService:
 *
 * A service whose connections are served in threads, each by
 * [signal@Vmsock.ThreadedService::run], which may wait as it likes.
 */
G_DEFINE_TYPE_WITH_PRIVATE(VmsockThreadedService, vmsock_threaded_service, VMSOCK_TYPE_SERVICE)

enum {
	PROP_MAX_THREADS = 1,
	N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];
static guint run_signal;

/* What a thread gets; both are references. */
struct job {
	VmsockThreadedService *service;
	VmsockConnection *connection;
};

static VmsockThreadedServicePrivate *private_of(gpointer service)
{
	return vmsock_threaded_service_get_instance_private(VMSOCK_THREADED_SERVICE(service));
}

static void work(gpointer data, gpointer user_data G_GNUC_UNUSED)
{
	struct job *job = data;
	gboolean handled;

	g_signal_emit(job->service, run_signal, 0, job->connection, &handled);
	g_object_unref(job->connection);
	g_object_unref(job->service);
	g_free(job);
}

static gboolean incoming(VmsockService *service, VmsockConnection *connection)
{
	struct job *job = g_new(struct job, 1);

	job->service = VMSOCK_THREADED_SERVICE(g_object_ref(service));
	job->connection = g_object_ref(connection);
	g_thread_pool_push(private_of(service)->pool, job, NULL);
	return TRUE;
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	switch (id) {
	case PROP_MAX_THREADS:
		g_value_set_int(value, private_of(object)->max_threads);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	switch (id) {
	case PROP_MAX_THREADS:
		private_of(object)->max_threads = g_value_get_int(value);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void constructed(GObject *object)
{
	VmsockThreadedServicePrivate *private = private_of(object);

	G_OBJECT_CLASS(vmsock_threaded_service_parent_class)->constructed(object);
	private->pool = g_thread_pool_new(work, NULL, private->max_threads, FALSE, NULL);
}

/* Jobs keep a reference, so there is none any more. */
static void finalize(GObject *object)
{
	g_thread_pool_free(private_of(object)->pool, FALSE, FALSE);
	G_OBJECT_CLASS(vmsock_threaded_service_parent_class)->finalize(object);
}

static void vmsock_threaded_service_class_init(VmsockThreadedServiceClass *class)
{
	GObjectClass *object_class = G_OBJECT_CLASS(class);

	object_class->get_property = get_property;
	object_class->set_property = set_property;
	object_class->constructed = constructed;
	object_class->finalize = finalize;
	VMSOCK_SERVICE_CLASS(class)->incoming = incoming;

	/**
	 * VmsockThreadedService:max-threads:
	 *
	 * How many threads there may be at a time; -1 for no limit. Connections beyond wait for
	 * one.
	 */
	properties[PROP_MAX_THREADS] = g_param_spec_int("max-threads", NULL, NULL, -1, G_MAXINT, 10,
							G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY |
							G_PARAM_STATIC_STRINGS);
	g_object_class_install_properties(object_class, N_PROPERTIES, properties);

	/**
	 * VmsockThreadedService::run:
	 * @service: the service
	 * @connection: a connection, which is closed when all references are gone
	 *
	 * Serves somebody, in a thread of the service.
	 *
	 * Returns: %TRUE to keep other handlers from being called
	 */
	run_signal = g_signal_new("run", VMSOCK_TYPE_THREADED_SERVICE, G_SIGNAL_RUN_LAST,
				  G_STRUCT_OFFSET(VmsockThreadedServiceClass, run),
				  g_signal_accumulator_true_handled, NULL, NULL, G_TYPE_BOOLEAN, 1,
				  VMSOCK_TYPE_CONNECTION);
}

static void vmsock_threaded_service_init(VmsockThreadedService *service G_GNUC_UNUSED)
{
}

/**
 * vmsock_threaded_service_new:
 * @max_threads: how many threads there may be at a time, -1 for no limit
 *
 * Makes a service that has no address yet and is not started.
 *
 * Returns: (transfer full): the service
 */
VmsockThreadedService *vmsock_threaded_service_new(int max_threads)
{
	return g_object_new(VMSOCK_TYPE_THREADED_SERVICE, "max-threads", max_threads, NULL);
}
