/* SPDX-License-Identifier: ISC */
/*
 * roomd: rooms and tokens over TCP.  Started by ocmd with its descriptors
 * (common/ctl.h): attach, make everything, drop, loop.
 */
#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "log.h"
#include "roomd.h"
#include "sandbox.h"

/* It accepts, waits for events, and gets ocmctl's connections; no more. */
static const unsigned may = SANDBOX_ACCEPT | SANDBOX_EVENTS |
    SANDBOX_RECV_FD | SANDBOX_HEAP;

static void
drop(const struct ctl_start *start)
{
	struct sandbox sb = ctl_sandbox(start, may);
	struct ctl_ready ready;

	ready.layers = sandbox_enter(&sb);
	FAULT(sandboxed);
	if (ctl_send(FD_CTL, CTL_READY, &ready, -1) == -1)
		fatal("cannot tell ocmd");
}

int
main(void)
{
	static union ctl_body body;
	static struct roomd roomd;

	log_init("roomd");
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		fatal("signal");
	FAULT(born);
	control_receive_start(&body);
	FAULT(started);
	if (sodium_init() == -1)
		fatalx("libsodium");
	json_object_seed(arc4random() | 1);	/* 0 would open a file */
	setup_attach(&roomd, &body.START);
	FAULT(attached);
	setup_make(&roomd, &body.START);
	FAULT(made);
	drop(&body.START);
	FAULT(ready);
	explicit_bzero(&body, sizeof(body));
	(void)event_base_dispatch(roomd.base);
	setup_free(&roomd);
	return 0;
}
